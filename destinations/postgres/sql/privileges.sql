-- Whether this is a standby, whether transactions are read-only, whether schemas may be made or are made already, and whether rows can be staged.
SELECT
    pg_is_in_recovery(),
    current_setting('transaction_read_only') = 'on',
    has_database_privilege(current_database(), 'CREATE') OR coalesce(
        (
            SELECT has_schema_privilege(oid, 'CREATE') AND has_schema_privilege(oid, 'USAGE')
            FROM pg_namespace WHERE nspname = %(bookkeeping)s
        ),
        false
    ),
    has_database_privilege(current_database(), 'TEMPORARY')
