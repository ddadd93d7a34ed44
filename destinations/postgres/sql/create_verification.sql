-- The keys of rows that the image could not store.
CREATE TEMPORARY TABLE "#rejected" (table_name text, key jsonb, PRIMARY KEY (table_name, key))
