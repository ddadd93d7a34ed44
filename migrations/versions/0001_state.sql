-- The state of Penstock, made to be read with psql.

CREATE TABLE penstock.groups (
    id text NOT NULL,
    name text NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT groups_pkey PRIMARY KEY (id),
    CONSTRAINT groups_name_key UNIQUE (name)
);
COMMENT ON TABLE penstock.groups IS 'A group of connections that load to the same destination.';

CREATE TABLE penstock.destinations (
    group_id text NOT NULL,
    service text DEFAULT 'postgres' NOT NULL,
    config text,
    time_zone_offset text DEFAULT '0' NOT NULL,
    setup_status text DEFAULT 'incomplete' NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT destinations_pkey PRIMARY KEY (group_id),
    CONSTRAINT destinations_setup_status_check CHECK (setup_status IN ('incomplete', 'connected', 'broken')),
    CONSTRAINT destinations_group_id_fkey FOREIGN KEY(group_id) REFERENCES penstock.groups (id) ON DELETE CASCADE
);
COMMENT ON TABLE penstock.destinations IS 'The database that a group''s connections load to; it goes by the group''s id.';
COMMENT ON COLUMN penstock.destinations.service IS 'The kind of destination.';
COMMENT ON COLUMN penstock.destinations.config IS 'How to reach it, encrypted. NULL: this very database is the destination.';
COMMENT ON COLUMN penstock.destinations.time_zone_offset IS 'Hours from UTC, -11 to +12; daily sync times are told in it.';

CREATE TABLE penstock.connections (
    id text NOT NULL,
    group_id text NOT NULL,
    service text NOT NULL,
    schema text NOT NULL,
    config jsonb NOT NULL,
    auth text,
    paused boolean DEFAULT false NOT NULL,
    pause_after_trial boolean DEFAULT false NOT NULL,
    sync_frequency bigint DEFAULT 360 NOT NULL,
    daily_sync_time text,
    schedule_type text DEFAULT 'auto' NOT NULL,
    data_delay_sensitivity text DEFAULT 'NORMAL' NOT NULL,
    data_delay_threshold bigint DEFAULT 0 NOT NULL,
    networking_method text DEFAULT 'Directly' NOT NULL,
    proxy_agent_id text,
    private_link_id text,
    hybrid_deployment_agent_id text,
    local_processing_agent_id text,
    connect_card_config jsonb,
    connected_by text,
    service_version bigint DEFAULT 1 NOT NULL,
    setup_state text DEFAULT 'incomplete' NOT NULL,
    is_historical_sync boolean DEFAULT true NOT NULL,
    resync_requested boolean DEFAULT false NOT NULL,
    rescheduled_for timestamptz,
    succeeded_at timestamptz,
    failed_at timestamptz,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT connections_pkey PRIMARY KEY (id),
    CONSTRAINT connections_group_id_schema_key UNIQUE (group_id, schema),
    CONSTRAINT connections_sync_frequency_check CHECK (sync_frequency IN (1, 5, 15, 30, 60, 120, 180, 360, 480, 720, 1440)),
    CONSTRAINT connections_daily_sync_time_check CHECK (daily_sync_time IS NULL OR sync_frequency = 1440 AND daily_sync_time ~ '^([01][0-9]|2[0-3]):00$'),
    CONSTRAINT connections_schedule_type_check CHECK (schedule_type IN ('auto', 'manual')),
    CONSTRAINT connections_data_delay_sensitivity_check CHECK (data_delay_sensitivity IN ('LOW', 'NORMAL', 'HIGH', 'CUSTOM', 'SYNC_FREQUENCY')),
    CONSTRAINT connections_networking_method_check CHECK (networking_method IN ('Directly', 'PrivateLink', 'SshTunnel', 'ProxyAgent')),
    CONSTRAINT connections_setup_state_check CHECK (setup_state IN ('incomplete', 'connected', 'broken')),
    CONSTRAINT connections_group_id_fkey FOREIGN KEY(group_id) REFERENCES penstock.groups (id)
);
COMMENT ON TABLE penstock.connections IS 'What is replicated: a source, the schema it fills, and when. Its name is its schema.';
COMMENT ON COLUMN penstock.connections.service IS 'The kind of source.';
COMMENT ON COLUMN penstock.connections.schema IS 'The schema it fills in the destination, which is also its name. Never changes.';
COMMENT ON COLUMN penstock.connections.config IS 'The source''s own settings, without credentials.';
COMMENT ON COLUMN penstock.connections.auth IS 'The credentials, encrypted.';
COMMENT ON COLUMN penstock.connections.paused IS 'Not synced by schedule.';
COMMENT ON COLUMN penstock.connections.pause_after_trial IS 'Kept for compatibility; no effect.';
COMMENT ON COLUMN penstock.connections.sync_frequency IS 'Minutes between two syncs.';
COMMENT ON COLUMN penstock.connections.daily_sync_time IS 'HH:00 at which a daily sync starts, in the destination''s time zone. NULL: midnight.';
COMMENT ON COLUMN penstock.connections.schedule_type IS 'manual: synced only when asked to.';
COMMENT ON COLUMN penstock.connections.data_delay_sensitivity IS 'How late data may be before the connection counts as delayed.';
COMMENT ON COLUMN penstock.connections.data_delay_threshold IS 'Minutes, for data_delay_sensitivity CUSTOM.';
COMMENT ON COLUMN penstock.connections.networking_method IS 'Kept for compatibility; the source is always called directly.';
COMMENT ON COLUMN penstock.connections.proxy_agent_id IS 'Kept for compatibility; no effect.';
COMMENT ON COLUMN penstock.connections.private_link_id IS 'Kept for compatibility; no effect.';
COMMENT ON COLUMN penstock.connections.hybrid_deployment_agent_id IS 'Kept for compatibility; no effect.';
COMMENT ON COLUMN penstock.connections.local_processing_agent_id IS 'Kept for compatibility; no effect.';
COMMENT ON COLUMN penstock.connections.connect_card_config IS 'Where the Connect Card sends a person after the set-up.';
COMMENT ON COLUMN penstock.connections.connected_by IS 'Who created it.';
COMMENT ON COLUMN penstock.connections.setup_state IS 'incomplete: the setup tests never passed; connected; broken: a person must mend it.';
COMMENT ON COLUMN penstock.connections.is_historical_sync IS 'The next or running sync reads everything; false once one succeeded.';
COMMENT ON COLUMN penstock.connections.resync_requested IS 'The next sync forgets how far it had read before it starts.';
COMMENT ON COLUMN penstock.connections.rescheduled_for IS 'The source''s quota is spent: the sync goes on at this time.';
COMMENT ON COLUMN penstock.connections.succeeded_at IS 'When a sync last succeeded.';
COMMENT ON COLUMN penstock.connections.failed_at IS 'When a sync last failed.';

CREATE TABLE penstock.syncs (
    id bigint GENERATED ALWAYS AS IDENTITY,
    connection_id text NOT NULL,
    trigger text NOT NULL,
    historical boolean NOT NULL,
    started_at timestamptz DEFAULT now() NOT NULL,
    finished_at timestamptz,
    outcome text DEFAULT 'running' NOT NULL,
    records_read bigint DEFAULT 0 NOT NULL,
    rows_inserted bigint DEFAULT 0 NOT NULL,
    rows_updated bigint DEFAULT 0 NOT NULL,
    rows_deleted bigint DEFAULT 0 NOT NULL,
    rows_rejected bigint DEFAULT 0 NOT NULL,
    api_calls bigint DEFAULT 0 NOT NULL,
    error_code text,
    error text,
    notices jsonb DEFAULT '[]' NOT NULL,
    retry_at timestamptz,
    worker text,
    heartbeat_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT syncs_pkey PRIMARY KEY (id),
    CONSTRAINT syncs_trigger_check CHECK (trigger IN ('schedule', 'manual', 'resync', 'retry')),
    CONSTRAINT syncs_outcome_check CHECK (outcome IN ('running', 'succeeded', 'failed', 'rescheduled', 'cancelled', 'interrupted')),
    CONSTRAINT syncs_connection_id_fkey FOREIGN KEY(connection_id) REFERENCES penstock.connections (id) ON DELETE CASCADE
);
CREATE INDEX syncs_connection_id_id_idx ON penstock.syncs (connection_id, id DESC);
CREATE UNIQUE INDEX syncs_one_running_per_connection ON penstock.syncs (connection_id) WHERE outcome = 'running';
COMMENT ON TABLE penstock.syncs IS 'One row for each run of a connection, kept up to date while it runs.';
COMMENT ON COLUMN penstock.syncs.trigger IS 'What started it: schedule, manual, resync or retry.';
COMMENT ON COLUMN penstock.syncs.historical IS 'Whether it read everything rather than what changed.';
COMMENT ON COLUMN penstock.syncs.outcome IS 'running; succeeded; failed; rescheduled (quota spent, goes on at retry_at); cancelled (somebody asked to stop); interrupted (its process died).';
COMMENT ON COLUMN penstock.syncs.records_read IS 'Records received from the source.';
COMMENT ON COLUMN penstock.syncs.rows_deleted IS 'Rows marked as deleted.';
COMMENT ON COLUMN penstock.syncs.rows_rejected IS 'Rows the destination cannot hold; they are in its table penstock.rejects.';
COMMENT ON COLUMN penstock.syncs.api_calls IS 'Requests made to the source.';
COMMENT ON COLUMN penstock.syncs.error IS 'What went wrong and what to do next.';
COMMENT ON COLUMN penstock.syncs.notices IS 'What a person should know although it went on: [{code, message, stream}].';
COMMENT ON COLUMN penstock.syncs.retry_at IS 'When it is tried again by itself.';
COMMENT ON COLUMN penstock.syncs.worker IS 'host:pid of the process that runs or ran it.';
COMMENT ON COLUMN penstock.syncs.heartbeat_at IS 'The run''s last sign of life; a running one that is silent for minutes is dead.';

CREATE TABLE penstock.sync_streams (
    sync_id bigint NOT NULL,
    stream text NOT NULL,
    outcome text DEFAULT 'running' NOT NULL,
    started_at timestamptz DEFAULT now() NOT NULL,
    finished_at timestamptz,
    records_read bigint DEFAULT 0 NOT NULL,
    records_expected bigint,
    rows_inserted bigint DEFAULT 0 NOT NULL,
    rows_updated bigint DEFAULT 0 NOT NULL,
    rows_deleted bigint DEFAULT 0 NOT NULL,
    rows_rejected bigint DEFAULT 0 NOT NULL,
    error text,
    CONSTRAINT sync_streams_pkey PRIMARY KEY (sync_id, stream),
    CONSTRAINT sync_streams_outcome_check CHECK (outcome IN ('running', 'succeeded', 'failed', 'rescheduled', 'cancelled', 'interrupted')),
    CONSTRAINT sync_streams_sync_id_fkey FOREIGN KEY(sync_id) REFERENCES penstock.syncs (id) ON DELETE CASCADE
);
COMMENT ON TABLE penstock.sync_streams IS 'One row for each stream that a sync read, kept up to date while it is read.';
COMMENT ON COLUMN penstock.sync_streams.outcome IS 'The same words as in syncs.';
COMMENT ON COLUMN penstock.sync_streams.records_expected IS 'How many there will be, where the source tells.';

CREATE TABLE penstock.setup_tests (
    connection_id text NOT NULL,
    position bigint NOT NULL,
    title text NOT NULL,
    status text NOT NULL,
    message text DEFAULT '' NOT NULL,
    details jsonb,
    run_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT setup_tests_pkey PRIMARY KEY (connection_id, position),
    CONSTRAINT setup_tests_status_check CHECK (status IN ('PASSED', 'WARNING', 'SKIPPED', 'FAILED')),
    CONSTRAINT setup_tests_connection_id_fkey FOREIGN KEY(connection_id) REFERENCES penstock.connections (id) ON DELETE CASCADE
);
COMMENT ON TABLE penstock.setup_tests IS 'What the last setup tests of each connection found.';
COMMENT ON COLUMN penstock.setup_tests.position IS 'The order in which they ran.';

CREATE TABLE penstock.events (
    id bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz DEFAULT now() NOT NULL,
    connection_id text,
    connection text,
    kind text NOT NULL,
    message text NOT NULL,
    details jsonb,
    CONSTRAINT events_pkey PRIMARY KEY (id),
    CONSTRAINT events_connection_id_fkey FOREIGN KEY(connection_id) REFERENCES penstock.connections (id) ON DELETE SET NULL
);
CREATE INDEX events_connection_id_id_idx ON penstock.events (connection_id, id DESC);
COMMENT ON TABLE penstock.events IS 'What happened to connections, and why. Outlives them.';
COMMENT ON COLUMN penstock.events.connection IS 'The connection''s name, also after it is deleted.';
COMMENT ON COLUMN penstock.events.kind IS 'A stable word: created, updated, paused, resumed, tested, deleted, ...';

CREATE TABLE penstock.api_keys (
    id text NOT NULL,
    name text NOT NULL,
    secret_hash text NOT NULL,
    scopes jsonb DEFAULT '[]' NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    last_used_at timestamptz,
    revoked_at timestamptz,
    CONSTRAINT api_keys_pkey PRIMARY KEY (id)
);
COMMENT ON TABLE penstock.api_keys IS 'Keys that open the HTTP interface; the secrets themselves are not kept.';

-- A commit need not wait for the disk; after a crash of PostgreSQL pacing simply starts anew.
CREATE UNLOGGED TABLE penstock.rate_budgets (
    account text NOT NULL,
    policy text NOT NULL,
    next_at timestamptz NOT NULL,
    limit_per_window bigint NOT NULL,
    window_seconds double precision NOT NULL,
    held_until timestamptz,
    CONSTRAINT rate_budgets_pkey PRIMARY KEY (account, policy)
);
COMMENT ON TABLE penstock.rate_budgets IS 'The rate limits of source accounts: one row paces all processes that call an account.';
COMMENT ON COLUMN penstock.rate_budgets.next_at IS 'When the next request may be made.';
COMMENT ON COLUMN penstock.rate_budgets.limit_per_window IS 'Requests that the source allows in window_seconds.';
COMMENT ON COLUMN penstock.rate_budgets.held_until IS 'The source asked for silence until then.';

-- The group that connections belong to when none is named. It loads into this very database.
INSERT INTO penstock.groups (id, name) VALUES ('default', 'default');
INSERT INTO penstock.destinations (group_id, setup_status) VALUES ('default', 'connected');

CREATE VIEW penstock.connection_status AS
SELECT
    connection.schema AS name,
    connection.service,
    connection.setup_state,
    CASE
        WHEN connection.paused THEN 'paused'
        WHEN last.outcome = 'running' AND last.heartbeat_at > now() - interval '60 seconds' THEN 'syncing'
        WHEN connection.rescheduled_for IS NOT NULL THEN 'rescheduled'
        ELSE 'scheduled'
    END AS sync_state,
    CASE
        WHEN connection.schedule_type = 'manual' THEN 'when asked'
        WHEN connection.daily_sync_time IS NOT NULL THEN 'daily at ' || connection.daily_sync_time
        WHEN connection.sync_frequency = 1440 THEN 'daily'
        ELSE 'every ' || connection.sync_frequency || ' minutes'
    END AS schedule,
    CASE WHEN connection.is_historical_sync THEN 'everything' ELSE 'what changed' END AS next_sync_reads,
    connection.rescheduled_for,
    last.outcome AS last_outcome,
    last.started_at AS last_started,
    last.finished_at AS last_finished,
    connection.succeeded_at AS last_success,
    connection.failed_at AS last_failure,
    last.records_read AS last_records_read,
    last.rows_inserted AS last_rows_inserted,
    last.rows_updated AS last_rows_updated,
    last.rows_deleted AS last_rows_deleted,
    last.rows_rejected AS last_rows_rejected,
    CASE WHEN last.outcome <> 'succeeded' THEN last.error END AS last_error,
    connection.group_id AS "group",
    connection.id
FROM penstock.connections AS connection
LEFT JOIN LATERAL (
    SELECT * FROM penstock.syncs WHERE connection_id = connection.id ORDER BY id DESC LIMIT 1
) AS last ON true
ORDER BY connection.schema;
COMMENT ON VIEW penstock.connection_status IS 'How each connection is now, and what its last sync did.';

CREATE VIEW penstock.sync_history AS
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
    sync.connection_id
FROM penstock.syncs AS sync
JOIN penstock.connections AS connection ON connection.id = sync.connection_id
ORDER BY sync.id DESC;
COMMENT ON VIEW penstock.sync_history IS 'Every sync, the newest first.';
