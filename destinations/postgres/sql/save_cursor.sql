-- The stream's cursor moves in the transaction that merges the rows it covers.
INSERT INTO penstock.cursors (schema_name, stream, cursor)
VALUES (%(schema)s, %(stream)s, %(cursor)s)
ON CONFLICT (schema_name, stream) DO UPDATE SET cursor = excluded.cursor, updated_at = now()
