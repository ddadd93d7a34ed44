"""A local HubSpot that keeps the real one's rules, for trying and testing."""
