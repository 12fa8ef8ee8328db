"""Data on the host: batches of an epoch, hold-out and folds, standardisation, named data sets and files."""
