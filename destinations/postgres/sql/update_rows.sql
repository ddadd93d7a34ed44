-- Rows that are there and differ; the others are not touched at all.
UPDATE {target} AS t
SET {assignments}
FROM {rows}
WHERE {same_key} AND ({changes})
