-- What of a source is synced can be chosen: tables, columns, hashes, history.
CREATE TABLE penstock.schema_configs (
    connection_id text NOT NULL,
    schema_change_handling text DEFAULT 'ALLOW_ALL' NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    salt text NOT NULL,
    discovered_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT schema_configs_pkey PRIMARY KEY (connection_id),
    CONSTRAINT schema_configs_schema_change_handling_check CHECK (schema_change_handling IN ('ALLOW_ALL', 'ALLOW_COLUMNS', 'BLOCK_ALL')),
    CONSTRAINT schema_configs_connection_id_fkey FOREIGN KEY(connection_id) REFERENCES penstock.connections (id) ON DELETE CASCADE
);
COMMENT ON TABLE penstock.schema_configs IS 'What is to be synced of the source of a connection; there once the tables of the source are known.';
COMMENT ON COLUMN penstock.schema_configs.schema_change_handling IS 'What of the source is synced when it is new: ALLOW_ALL; ALLOW_COLUMNS, but no tables; BLOCK_ALL, nothing.';
COMMENT ON COLUMN penstock.schema_configs.enabled IS 'false: nothing is synced at all.';
COMMENT ON COLUMN penstock.schema_configs.salt IS 'What hashed values are salted with, encrypted.';
COMMENT ON COLUMN penstock.schema_configs.discovered_at IS 'When the tables of the source were last found to be other than before.';

CREATE TABLE penstock.source_tables (
    connection_id text NOT NULL,
    name text NOT NULL,
    position bigint NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    sync_mode text DEFAULT 'SOFT_DELETE' NOT NULL,
    disabled jsonb DEFAULT '[]' NOT NULL,
    hashed jsonb DEFAULT '[]' NOT NULL,
    touched jsonb DEFAULT '[]' NOT NULL,
    columns jsonb NOT NULL,
    streams jsonb NOT NULL,
    supports_history boolean NOT NULL,
    gone boolean DEFAULT false NOT NULL,
    reread boolean DEFAULT false NOT NULL,
    erased jsonb DEFAULT '[]' NOT NULL,
    CONSTRAINT source_tables_pkey PRIMARY KEY (connection_id, name),
    CONSTRAINT source_tables_sync_mode_check CHECK (sync_mode IN ('SOFT_DELETE', 'HISTORY')),
    CONSTRAINT source_tables_connection_id_fkey FOREIGN KEY(connection_id) REFERENCES penstock.schema_configs (connection_id) ON DELETE CASCADE
);
COMMENT ON TABLE penstock.source_tables IS 'The tables that a connection has at its source, and what is to be synced of them.';
COMMENT ON COLUMN penstock.source_tables.position IS 'The order in which the source names them.';
COMMENT ON COLUMN penstock.source_tables.enabled IS 'false: not written any more.';
COMMENT ON COLUMN penstock.source_tables.sync_mode IS 'SOFT_DELETE, or HISTORY: every version of a row is kept.';
COMMENT ON COLUMN penstock.source_tables.disabled IS 'Columns not written any more.';
COMMENT ON COLUMN penstock.source_tables.hashed IS 'Columns written as hashes.';
COMMENT ON COLUMN penstock.source_tables.touched IS 'Columns that a person chose for.';
COMMENT ON COLUMN penstock.source_tables.columns IS 'All columns there ever were: [{name, key, fixed, gone}]; what is fixed cannot be left out.';
COMMENT ON COLUMN penstock.source_tables.streams IS 'The streams that fill it.';
COMMENT ON COLUMN penstock.source_tables.supports_history IS 'Whether sync_mode may be HISTORY.';
COMMENT ON COLUMN penstock.source_tables.gone IS 'The source has it no more.';
COMMENT ON COLUMN penstock.source_tables.reread IS 'The next sync reads it from the beginning.';
COMMENT ON COLUMN penstock.source_tables.erased IS 'Columns whose values the next sync takes out of the table first.';

