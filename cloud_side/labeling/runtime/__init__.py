"""Handlers of the workflow: each parses its event, calls a function that decides, and makes its calls to AWS."""
