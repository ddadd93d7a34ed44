"""One sync from start to end: read, load, checkpoint, report."""
