-- A reconciliation can be asked for, as a re-sync can.
ALTER TABLE penstock.connections ADD COLUMN reconcile_requested boolean DEFAULT false NOT NULL;
COMMENT ON COLUMN penstock.connections.reconcile_requested IS 'The next sync also looks for what the source changed without a word.';

ALTER TABLE penstock.syncs
    DROP CONSTRAINT syncs_trigger_check,
    ADD CONSTRAINT syncs_trigger_check CHECK (trigger IN ('schedule', 'manual', 'resync', 'reconcile', 'retry'));
COMMENT ON COLUMN penstock.syncs.trigger IS 'What started it: schedule, manual, resync, reconcile or retry.';
