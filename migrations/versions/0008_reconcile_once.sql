-- A reconciliation that was asked for is begun once, and gone on with by whatever sync comes after.
ALTER TABLE penstock.connections ADD COLUMN reconcile_requested_at timestamptz;
COMMENT ON COLUMN penstock.connections.reconcile_requested_at IS 'When it was asked for that the next sync also looks for what the source changed without a word; empty as soon as all streams have begun with that.';
UPDATE penstock.connections SET reconcile_requested_at = now() WHERE reconcile_requested;
ALTER TABLE penstock.connections DROP COLUMN reconcile_requested;
