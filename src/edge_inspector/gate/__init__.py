"""The reject gate: what throws a part out, on a thread of its own, ahead of everything that is written down."""
