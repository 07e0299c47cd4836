"""Models on the device: how a new one arrives, is checked, takes over between two parts, and is taken back if bad."""
