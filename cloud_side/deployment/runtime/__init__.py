"""Handlers of the rollout workflow."""
