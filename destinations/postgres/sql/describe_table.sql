-- The columns of a table as they are, or nothing where there is no such table.
SELECT
    c.relkind::text,
    a.attname::text,
    format_type(a.atttypid, a.atttypmod),
    a.atthasdef
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = %(schema)s AND c.relname = %(table)s
ORDER BY a.attnum
