"""The state database: its tables, how it is reached and brought up to date, and what is sealed in it."""
