"""Sets of one's own under the usual names: other classes, other shapes, names that are missing."""

import numpy as np
import pytest

import jaxnn as nn
from jaxnn.data import images
from tests.data.test_images import CIFAR, MNIST, idx, write_archive


def write(folder, x, y, x_test, y_test):
    for name, array in zip(images.MNIST_FILES, (x, y, x_test, y_test), strict=True):
        (folder / name.removesuffix(".gz")).write_bytes(idx(np.asarray(array, np.uint8)))


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
@pytest.mark.parametrize(("largest", "largest_test"), [(9, 3), (3, 9), (10, 0), (0, 25), (2, 2)])
def test_more_than_ten_classes_are_named_by_their_numbers(tmp_path, name, largest, largest_test):
    x, _, x_test, _ = MNIST
    write(tmp_path, x, [0, 1, 0, largest, 0], x_test, [0, largest_test, 1])
    loaded = nn.data.load_images(name, tmp_path)
    most = max(largest, largest_test)
    assert loaded.classes == (images.CLASSES[name] if most < 10 else tuple(str(i) for i in range(most + 1)))
    assert loaded.train[1].tolist() == [0, 1, 0, largest, 0] and len(images.CLASSES[name]) == 10


@pytest.mark.parametrize("part", [0, 2])
@pytest.mark.parametrize("axes", [2, 4])
def test_files_of_other_axes_are_no_images(tmp_path, part, axes):
    arrays = [*MNIST]
    arrays[part] = arrays[part].reshape((len(arrays[part]), 24) if axes == 2 else (len(arrays[part]), 6, 2, 2))
    write(tmp_path, *arrays)
    with pytest.raises(ValueError, match=r"needs images \(n, height, width\) and labels \(n,\), got"):
        nn.data.load_images("mnist", tmp_path)


def test_without_their_names_a_hundred_classes_are_numbers(tmp_path):
    data = b"".join(bytes([1, k]) + x.tobytes() for x, k in zip(CIFAR[0][0], (99, 0), strict=True))
    write_archive(tmp_path / "cifar-100-binary.tar.gz", {"train.bin": data, "test.bin": data})
    loaded = nn.data.load_images("cifar100", tmp_path)
    assert loaded.classes == tuple(str(i) for i in range(100)) and loaded.test[1].tolist() == [99, 0]


def test_empty_sets_are_read(tmp_path):
    none = np.zeros((0, 4, 4), np.uint8)
    write(tmp_path, none, none[:, 0, 0], none, none[:, 0, 0])
    loaded = nn.data.load_images("mnist", tmp_path)
    assert loaded.train[0].shape == (0, 4, 4, 1) and loaded.classes == images.CLASSES["mnist"]
