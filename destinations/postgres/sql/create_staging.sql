-- Stays for the session, empty between transactions: a new one each time would bloat the catalog.
CREATE TEMPORARY TABLE IF NOT EXISTS {staging} ({columns}) ON COMMIT DELETE ROWS
