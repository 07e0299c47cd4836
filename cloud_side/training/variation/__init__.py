"""Variation for training: other positions, light and noise, defects of others."""
