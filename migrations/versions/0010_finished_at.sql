-- The history of syncs tells when each ended: `took` is cut to milliseconds, so that it does not give the end.
CREATE OR REPLACE VIEW penstock.sync_history AS
SELECT
    sync.id,
    connection.schema AS name,
    CASE WHEN sync.historical THEN 'historical' ELSE 'incremental' END AS kind,
    sync.trigger,
    sync.outcome,
    sync.started_at AS started,
    date_trunc('milliseconds', coalesce(sync.finished_at, sync.heartbeat_at) - sync.started_at) AS took,
    sync.records_read,
    sync.rows_inserted,
    sync.rows_updated,
    sync.rows_deleted,
    sync.rows_rejected,
    sync.api_calls,
    sync.error,
    sync.worker,
    sync.connection_id,
    sync.finished_at
FROM penstock.syncs AS sync
JOIN penstock.connections AS connection ON connection.id = sync.connection_id
ORDER BY sync.id DESC;
