-- Beside the image: the keys of rows that it could not store, and those that exist in the source without being told more.
CREATE TEMPORARY TABLE "#rejected" (table_name text, key jsonb, PRIMARY KEY (table_name, key));

CREATE TEMPORARY TABLE "#present" (table_name text, key text, PRIMARY KEY (table_name, key));
