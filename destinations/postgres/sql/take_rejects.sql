-- What the image could not store is no reject of the schema: nobody else ever sees it there.
WITH taken AS (DELETE FROM penstock.rejects WHERE schema_name = %(schema)s RETURNING table_name, key)
INSERT INTO "#rejected" SELECT table_name, key FROM taken
