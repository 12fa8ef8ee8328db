"""Data on the host: batches of an epoch, hold-out and folds, tables prepared, standardisation, named sets and files."""

from jaxnn.data.datasets import Dataset, load, take, train_test
from jaxnn.data.image_files import read_cifar, read_idx
from jaxnn.data.images import Images, load_images
from jaxnn.data.preparation import Preparation
from jaxnn.data.prepared import Prepared
from jaxnn.data.split import Standardiser, folds, holdout, standardise
from jaxnn.data.text import CharTokens, stdlib_corpus, windows
