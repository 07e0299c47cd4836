"""A configuration's life: read, compared, tried, kept as the last good one, and watched for the next."""
