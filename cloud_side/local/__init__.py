"""The cloud side on one machine: the same workflows, handlers and boto3 clients, with no account and no server."""
