-- What was set aside holds them as well.
UPDATE penstock.rejects
SET row_data = row_data - %(columns)s::text[]
WHERE schema_name = %(schema)s AND table_name = %(table)s
