-- The version that follows the last one of a row.
INSERT INTO {target} ({columns})
SELECT {values}
FROM {rows}
CROSS JOIN LATERAL (SELECT * FROM {target} AS t WHERE {same_key} ORDER BY t.{start} DESC LIMIT 1) AS t
WHERE {wanted}
