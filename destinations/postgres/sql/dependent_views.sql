-- The views that use any of these columns: PostgreSQL does not change a column's type under them.
SELECT DISTINCT v.oid::regclass::text
FROM pg_depend AS d
JOIN pg_rewrite AS r ON r.oid = d.objid
JOIN pg_class AS v ON v.oid = r.ev_class
JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
JOIN pg_class AS c ON c.oid = d.refobjid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE d.classid = 'pg_rewrite'::regclass
  AND d.refclassid = 'pg_class'::regclass
  AND n.nspname = %(schema)s
  AND c.relname = %(table)s
  AND a.attname = ANY (%(columns)s::text[])
ORDER BY 1
