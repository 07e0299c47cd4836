"""The labeling page: a server for people's browsers, and its static files."""
