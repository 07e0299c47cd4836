"""Work orders: what of a batch people are to label or verify, who holds which item, what they said."""
