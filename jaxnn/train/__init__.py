"""Training: a trial, one step, a run as a pure function, and `fit` around it."""
