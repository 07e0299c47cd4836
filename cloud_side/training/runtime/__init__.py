"""Handlers of the retraining workflow."""
