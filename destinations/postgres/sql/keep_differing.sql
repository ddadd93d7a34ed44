-- What the schema has of the rows that differ, in the image's types.
INSERT INTO {kept} ({columns})
SELECT {values}
FROM {stored} AS t
WHERE ({stored_key}) IN (SELECT {key} FROM {differing})
