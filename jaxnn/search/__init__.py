"""Searches that decide as they go which points to train, and how far."""

from jaxnn.search.sampler import ask_tell as ask_tell
from jaxnn.search.study import optuna as optuna
