-- What a table has when it begins to keep history are its first versions, true since they were last written.
UPDATE {target} SET
    {start} = coalesce({synced}, now()),
    {end} = CASE WHEN {deleted} THEN coalesce({synced}, now()) ELSE {never} END,
    {active} = {deleted} IS NOT TRUE
