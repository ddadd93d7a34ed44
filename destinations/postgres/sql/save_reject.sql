-- The row takes the place of what was set aside for the same key before.
WITH replaced AS (
    DELETE FROM penstock.rejects
    WHERE schema_name = %(schema)s AND table_name = %(table)s AND key = %(key)s
)
INSERT INTO penstock.rejects (schema_name, table_name, key, reason, row_data)
VALUES (%(schema)s, %(table)s, %(key)s, %(reason)s, %(row)s)
