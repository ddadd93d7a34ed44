-- How far each stream has been read into each schema, and the rows that could not be stored.
CREATE TABLE IF NOT EXISTS penstock.cursors (
    schema_name text NOT NULL,
    stream text NOT NULL,
    cursor jsonb NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (schema_name, stream)
);

CREATE TABLE IF NOT EXISTS penstock.rejects (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schema_name text NOT NULL,
    table_name text NOT NULL,
    key jsonb NOT NULL,
    reason text NOT NULL,
    row_data jsonb NOT NULL,
    rejected_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX IF NOT EXISTS rejects_of_table ON penstock.rejects (schema_name, table_name);
