-- The columns of one table, or of whatever has its name, or those of all tables of a schema.
SELECT
    c.relname::text,
    c.relkind IN ('r', 'p'),
    c.relnatts,
    coalesce(array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.attnum > 0), '{}'),
    coalesce(array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum) FILTER (WHERE a.attnum > 0), '{}'),
    coalesce(array_agg(a.attname::text) FILTER (WHERE a.atthasdef), '{}'),
    max(col_description(c.oid, a.attnum)) FILTER (WHERE a.attname = %(overflow)s)
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = %(schema)s
  AND (c.relname = %(table)s OR (%(table)s::text IS NULL AND c.relkind IN ('r', 'p')))
GROUP BY c.oid, c.relname, c.relkind, c.relnatts
