"""Handlers of functions that watch stations."""
