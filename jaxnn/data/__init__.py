"""Data on the host: batches of an epoch, hold-out and folds, tables prepared, standardisation, named sets and files."""

from jaxnn.data.datasets import Dataset as Dataset
from jaxnn.data.datasets import load as load
from jaxnn.data.datasets import take as take
from jaxnn.data.datasets import train_test as train_test
from jaxnn.data.image_files import read_cifar as read_cifar
from jaxnn.data.image_files import read_idx as read_idx
from jaxnn.data.images import Images as Images
from jaxnn.data.images import load_images as load_images
from jaxnn.data.preparation import Preparation as Preparation
from jaxnn.data.prepared import Prepared as Prepared
from jaxnn.data.split import Standardiser as Standardiser
from jaxnn.data.split import holdout as holdout
from jaxnn.data.split import standardise as standardise
from jaxnn.data.text import CharTokens as CharTokens
from jaxnn.data.text import stdlib_corpus as stdlib_corpus
from jaxnn.data.text import windows as windows
