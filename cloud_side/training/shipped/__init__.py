"""The recipe of the shipped model."""
