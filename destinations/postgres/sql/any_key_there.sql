-- Whether any of these keys has a row already.
SELECT 1
FROM {keys}
JOIN {target} AS t ON {same_key}
LIMIT 1
