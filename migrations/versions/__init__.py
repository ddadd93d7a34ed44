"""One module for each version, oldest first; the four digits are the version."""
