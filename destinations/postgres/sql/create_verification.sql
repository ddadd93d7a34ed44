-- The keys of rows that the image could not store; without an index, which could not store them either.
CREATE TEMPORARY TABLE "#rejected" (table_name text, key jsonb)
