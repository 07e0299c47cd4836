"""What a station watches of itself: checks with hysteresis, a watchdog, pictures, rates, disk, clock and metrics."""
