"""Data on the host: batches of an epoch, hold-out and folds, standardisation, named data sets and files."""

from jaxnn.data.datasets import Dataset, load, take, train_test
from jaxnn.data.split import Standardiser, folds, holdout, standardise
