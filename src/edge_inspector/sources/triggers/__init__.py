"""What tells that a part is there, and what is known of it."""
