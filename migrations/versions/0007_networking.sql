-- How both ends are reached, and where syncs run: tunnels, proxies, private addresses, agents.
ALTER TABLE penstock.groups ADD COLUMN ssh_key text;
COMMENT ON COLUMN penstock.groups.ssh_key IS 'The private key that opens SSH tunnels to the destination, encrypted; made when first needed.';

ALTER TABLE penstock.destinations
    ADD COLUMN networking_method text DEFAULT 'Directly' NOT NULL,
    ADD COLUMN proxy_agent_id text,
    ADD COLUMN private_link_id text,
    ADD COLUMN hybrid_deployment_agent_id text,
    ADD CONSTRAINT destinations_networking_method_check CHECK (networking_method IN ('Directly', 'PrivateLink', 'SshTunnel', 'ProxyAgent'));
-- They were kept without effect before, and only Directly was taken.
UPDATE penstock.destinations SET
    proxy_agent_id = kept ->> 'proxy_agent_id',
    private_link_id = kept ->> 'private_link_id',
    hybrid_deployment_agent_id = kept ->> 'hybrid_deployment_agent_id',
    kept = kept - '{networking_method,proxy_agent_id,private_link_id,hybrid_deployment_agent_id}'::text[];
COMMENT ON COLUMN penstock.destinations.networking_method IS 'How it is reached. Directly leaves that to its config.';
COMMENT ON COLUMN penstock.destinations.proxy_agent_id IS 'The proxy it is reached through, for ProxyAgent.';
COMMENT ON COLUMN penstock.destinations.private_link_id IS 'The address it is reached at, for PrivateLink.';
COMMENT ON COLUMN penstock.destinations.hybrid_deployment_agent_id IS 'Syncs to it run only on workers started with this id, unless the connection names another.';

COMMENT ON COLUMN penstock.connections.networking_method IS 'ProxyAgent: how the source is called. SshTunnel, PrivateLink: how its destination is reached.';
COMMENT ON COLUMN penstock.connections.proxy_agent_id IS 'The proxy the source is called through, for ProxyAgent.';
COMMENT ON COLUMN penstock.connections.private_link_id IS 'The address its destination is reached at, for PrivateLink.';
COMMENT ON COLUMN penstock.connections.hybrid_deployment_agent_id IS 'It is synced only by workers started with this id.';

CREATE TABLE penstock.endpoints (
    kind text NOT NULL,
    id text NOT NULL,
    name text NOT NULL,
    address text NOT NULL,
    created_by text,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT endpoints_pkey PRIMARY KEY (kind, id),
    CONSTRAINT endpoints_kind_check CHECK (kind IN ('proxy', 'private_link'))
);
COMMENT ON TABLE penstock.endpoints IS 'Proxies and private addresses that connections and destinations may be led through.';
COMMENT ON COLUMN penstock.endpoints.kind IS 'proxy or private_link.';
COMMENT ON COLUMN penstock.endpoints.address IS 'Where it is, encrypted: a proxy''s may hold a password.';

CREATE TABLE penstock.workers (
    worker text NOT NULL,
    agent text,
    started_at timestamptz DEFAULT now() NOT NULL,
    heartbeat_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT workers_pkey PRIMARY KEY (worker)
);
COMMENT ON TABLE penstock.workers IS 'The processes that run syncs, or did within the last hour.';
COMMENT ON COLUMN penstock.workers.worker IS 'host:pid, as in syncs.worker.';
COMMENT ON COLUMN penstock.workers.agent IS 'It runs only syncs of connections with this hybrid_deployment_agent_id. NULL: only those without one.';
COMMENT ON COLUMN penstock.workers.heartbeat_at IS 'Its last sign of life; one that is silent for 20 seconds is gone.';
