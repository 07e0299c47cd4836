"""What a person needs who sets up a camera: which are there, what they can, and whether their frames arrive.

What is measured (`path.py`, `grabbing.py`) and what follows from it (`advice.py`) are apart.
"""
