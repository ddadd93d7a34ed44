-- Connect Cards: links by which a person without a key can let a connection into their account.
CREATE TABLE penstock.connect_cards (
    connection_id text NOT NULL,
    id text NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    expires_at timestamptz NOT NULL,
    state_hash text,
    browser_hash text,
    used_at timestamptz,
    CONSTRAINT connect_cards_pkey PRIMARY KEY (connection_id),
    CONSTRAINT connect_cards_connection_id_fkey FOREIGN KEY(connection_id) REFERENCES penstock.connections (id) ON DELETE CASCADE
);
COMMENT ON TABLE penstock.connect_cards IS 'The newest Connect Card of each connection; older ones open nothing any more.';
COMMENT ON COLUMN penstock.connect_cards.id IS 'What tells it from older ones.';
COMMENT ON COLUMN penstock.connect_cards.state_hash IS 'SHA-256 of what the source has to bring back. NULL: nobody is on the way.';
COMMENT ON COLUMN penstock.connect_cards.browser_hash IS 'SHA-256 of the cookie of who is, or was last.';
COMMENT ON COLUMN penstock.connect_cards.used_at IS 'When the connection was set up by it; it is used up.';
