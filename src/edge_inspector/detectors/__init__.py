"""Detectors: what finds defects on a frame."""
