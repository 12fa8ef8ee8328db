"""The grid: a space of hyperparameters, a plan, an engine and its results."""
