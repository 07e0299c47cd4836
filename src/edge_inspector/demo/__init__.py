"""The demonstration: everything on one machine, with no account and no hardware."""
