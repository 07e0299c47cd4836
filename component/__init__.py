"""Builds the Greengrass components; standard library and pip alone, so that `gdk component build` needs nothing else.

`build` is the door for the inspector, `model.build` for the model, `lint_recipe` for recipes of any kind.
"""
