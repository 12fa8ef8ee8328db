"""Searches over hyperparameters: what decides which networks train, and how long."""
