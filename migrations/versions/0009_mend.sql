-- 0003 and 0006 were changed after they had been run: databases from before lack a column, or have one more.
ALTER TABLE penstock.connections ADD COLUMN IF NOT EXISTS delayed_since timestamptz;
COMMENT ON COLUMN penstock.connections.delayed_since IS 'When its data was found to be delayed, and that was told.';
ALTER TABLE penstock.source_tables DROP COLUMN IF EXISTS stale;
