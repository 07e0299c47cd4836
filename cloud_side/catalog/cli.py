"""The commands `dataset …`."""
