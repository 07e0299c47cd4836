"""The forms in which others keep labels: read into labeled images, and written from them, without a loss."""
