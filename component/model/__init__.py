"""The model's component: a model folder that the inspector on the same device takes over while it runs."""
