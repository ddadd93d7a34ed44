-- The columns of each index that finds rows by them, the primary key first: of one table, or of all of a schema.
SELECT c.relname::text, i.indisprimary, array_agg(a.attname::text ORDER BY k.position)
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_index AS i ON i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
CROSS JOIN unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, position)
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.attnum
WHERE n.nspname = %(schema)s
  AND (c.relname = %(table)s OR %(table)s::text IS NULL)
  AND k.position <= i.indnkeyatts
GROUP BY c.relname, i.indexrelid, i.indisprimary
ORDER BY i.indisprimary DESC
