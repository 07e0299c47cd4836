"""Models on the device: how a new one arrives, is checked, takes over between two parts, and comes back if it is bad."""
