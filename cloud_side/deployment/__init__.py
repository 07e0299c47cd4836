"""Moves approved models to the stations that run them, and back."""
