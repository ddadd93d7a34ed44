-- Rows of these keys are gone from the source, except those that were just given.
UPDATE {target} AS t
SET {assignments}
FROM {keys}
WHERE {same_key} AND {is_there} AND ({primary_key}) NOT IN (SELECT * FROM unnest({given}))
