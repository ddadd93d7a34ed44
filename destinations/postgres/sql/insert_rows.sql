-- Rows that are not there yet.
INSERT INTO {target} ({columns})
SELECT {values}
FROM {rows}
WHERE NOT EXISTS (SELECT FROM {target} AS t WHERE {same_key})
