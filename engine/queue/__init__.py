"""The jobs: procrastinate on the state database, one path for one machine and for many."""
