"""What brings events and times to their targets: chores of the engine, restartable at any moment."""
