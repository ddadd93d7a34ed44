-- Which session's lock on a table of the schema keeps others out the most: where several do, the oldest transaction.
SELECT
    c.oid::regclass::text,
    a.pid,
    a.usename,
    nullif(a.application_name, ''),
    host(a.client_addr),
    a.state,
    date_trunc('second', a.xact_start)
FROM pg_locks AS l
JOIN pg_class AS c ON c.oid = l.relation
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_stat_activity AS a ON a.pid = l.pid
WHERE l.locktype = 'relation'
  AND l.granted
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND l.pid <> ALL (%(ours)s::int[])
  AND n.nspname = %(schema)s
  AND c.relkind IN ('r', 'p')
ORDER BY
    array_position(
        ARRAY[
            'AccessExclusiveLock', 'ExclusiveLock', 'ShareRowExclusiveLock', 'ShareLock',
            'ShareUpdateExclusiveLock', 'RowExclusiveLock', 'RowShareLock', 'AccessShareLock'
        ],
        l.mode
    ),
    a.xact_start
LIMIT 1
