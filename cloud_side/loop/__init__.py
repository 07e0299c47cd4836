"""A line that teaches its own model, seen from end to end on one machine: stations, people, workflows, and figures."""
