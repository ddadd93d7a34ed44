-- Keys that the source has, without saying what else there is to them.
INSERT INTO "#present" SELECT %(table)s, key FROM unnest(%(keys)s::text[]) AS key ON CONFLICT DO NOTHING
