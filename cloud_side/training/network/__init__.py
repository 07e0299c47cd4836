"""The network: what it is made of, and what it is punished for."""
