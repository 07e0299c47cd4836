"""Commands from outside: what one says, and whether it may run."""
