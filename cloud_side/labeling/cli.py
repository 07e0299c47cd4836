"""The commands `labeling …`."""
