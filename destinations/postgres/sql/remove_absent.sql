-- Rows within a range of keys that are not among those present, nor given just now, are gone from the source.
-- NOT IN makes one hash of the keys; an anti-join would compare each row with each key, as joins by hash are turned off.
UPDATE {target} AS t
SET {assignments}
WHERE {is_there}
  AND {range}
  AND {key} NOT IN (SELECT * FROM unnest({keys}))
RETURNING t.{column}::text
