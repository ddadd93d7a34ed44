"""The ways to a destination: tunnels, proxies, private addresses, and what is trusted on them."""
