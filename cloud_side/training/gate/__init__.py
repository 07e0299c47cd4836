"""Whether a model may go to the line: pure rules, and a report that says why."""
