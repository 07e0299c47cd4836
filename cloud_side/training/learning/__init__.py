"""Learning: from training data and hyperparameters to weights, on one machine or several."""
