-- What the HTTP interface needs: requests to a running sync, webhooks, approvals, fields that are only kept.
ALTER TABLE penstock.destinations ALTER COLUMN service SET DEFAULT 'postgres_warehouse';
UPDATE penstock.destinations SET service = 'postgres_warehouse' WHERE service = 'postgres';
ALTER TABLE penstock.destinations ADD COLUMN kept jsonb DEFAULT '{}' NOT NULL;
COMMENT ON COLUMN penstock.destinations.kept IS 'Fields kept for compatibility; no effect.';

ALTER TABLE penstock.connections
    ADD COLUMN kept jsonb DEFAULT '{}' NOT NULL,
    ADD COLUMN resync_streams jsonb DEFAULT '[]' NOT NULL,
    ADD COLUMN delayed_since timestamptz;
COMMENT ON COLUMN penstock.connections.delayed_since IS 'When its data was found to be delayed, and that was told.';
COMMENT ON COLUMN penstock.connections.kept IS 'Further fields kept for compatibility; no effect.';
COMMENT ON COLUMN penstock.connections.resync_streams IS 'Streams that the next sync reads from the beginning.';

ALTER TABLE penstock.syncs ADD COLUMN stop_requested boolean DEFAULT false NOT NULL;
COMMENT ON COLUMN penstock.syncs.stop_requested IS 'Somebody asked it to stop; it does so at its next sign of life.';

CREATE TABLE penstock.webhooks (
    id text NOT NULL,
    group_id text,
    url text NOT NULL,
    events jsonb NOT NULL,
    active boolean DEFAULT true NOT NULL,
    secret text,
    created_by text,
    created_at timestamptz DEFAULT now() NOT NULL,
    failed_at timestamptz,
    failure text,
    CONSTRAINT webhooks_pkey PRIMARY KEY (id),
    CONSTRAINT webhooks_group_id_fkey FOREIGN KEY(group_id) REFERENCES penstock.groups (id) ON DELETE CASCADE
);
COMMENT ON TABLE penstock.webhooks IS 'Addresses that events are sent to.';
COMMENT ON COLUMN penstock.webhooks.group_id IS 'Only events of this group. NULL: of all.';
COMMENT ON COLUMN penstock.webhooks.events IS 'The events that are sent.';
COMMENT ON COLUMN penstock.webhooks.active IS 'false: nothing is sent.';
COMMENT ON COLUMN penstock.webhooks.secret IS 'What events are signed with, encrypted.';
COMMENT ON COLUMN penstock.webhooks.created_by IS 'Who created it.';
COMMENT ON COLUMN penstock.webhooks.failed_at IS 'When it last failed to take an event.';
COMMENT ON COLUMN penstock.webhooks.failure IS 'Why.';

CREATE TABLE penstock.webhook_deliveries (
    id bigint GENERATED ALWAYS AS IDENTITY,
    webhook_id text NOT NULL,
    payload jsonb NOT NULL,
    attempts bigint DEFAULT 0 NOT NULL,
    next_at timestamptz DEFAULT now() NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (id),
    CONSTRAINT webhook_deliveries_webhook_id_fkey FOREIGN KEY(webhook_id) REFERENCES penstock.webhooks (id) ON DELETE CASCADE
);
CREATE INDEX webhook_deliveries_next_at_idx ON penstock.webhook_deliveries (next_at);
COMMENT ON TABLE penstock.webhook_deliveries IS 'Events that wait to be sent to a webhook; gone once they are taken.';
COMMENT ON COLUMN penstock.webhook_deliveries.attempts IS 'How often it was tried.';
COMMENT ON COLUMN penstock.webhook_deliveries.next_at IS 'When it is tried next.';

CREATE TABLE penstock.approvals (
    subject text NOT NULL,
    subject_id text NOT NULL,
    kind text NOT NULL,
    hash text NOT NULL,
    content text NOT NULL,
    approved_by text,
    approved_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT approvals_pkey PRIMARY KEY (subject, subject_id, kind, hash),
    CONSTRAINT approvals_subject_check CHECK (subject IN ('connection', 'destination')),
    CONSTRAINT approvals_kind_check CHECK (kind IN ('certificate', 'fingerprint'))
);
COMMENT ON TABLE penstock.approvals IS 'Certificates and host-key fingerprints that a person has approved.';
COMMENT ON COLUMN penstock.approvals.subject IS 'connection or destination.';
COMMENT ON COLUMN penstock.approvals.subject_id IS 'The id of the connection or the group.';
COMMENT ON COLUMN penstock.approvals.kind IS 'certificate or fingerprint.';
COMMENT ON COLUMN penstock.approvals.content IS 'The certificate (DER in base64) or the public key.';
