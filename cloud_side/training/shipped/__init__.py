"""The recipe of the shipped model, on the steps that users train with."""
