"""HTTP: thin over connections/."""
