"""Products that nobody has to photograph, with their truth."""
