"""The state schema's versions, run by `penstock db upgrade` and by the first start."""
