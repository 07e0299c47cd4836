"""How good a model is, measured on what the edge's own detector finds."""
