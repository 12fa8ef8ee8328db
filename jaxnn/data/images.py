"""MNIST, Fashion-MNIST, CIFAR-10 and CIFAR-100: out of a folder, or fetched once, checked and kept."""

import io
import os
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from jaxnn.data.image_files import read_cifar, read_idx

Pair: TypeAlias = tuple[np.ndarray, np.ndarray]
CACHE = "JAXNN_DATA"
"""The environment variable that names the folder for fetched files."""


class Images(NamedTuple):
    """Images and their classes, on the host.

    Args:
        train: ``x (n, height, width, channels)`` float32 in [0, 1] and ``y (n,)`` int32, as `fit` takes them.
        test: the same of the test images.
        classes: the name of each class.

    Example:
        >>> x, y = np.zeros((1, 2, 2, 1), "float32"), np.zeros(1, "int32")
        >>> Images((x, y), (x, y), ("dot",)).train[0].shape
        (1, 2, 2, 1)
    """

    train: Pair
    test: Pair
    classes: tuple[str, ...]


class Source(NamedTuple):
    """Where the files of a set are, with a checksum for each."""

    url: str
    files: dict[str, str]


MNIST_FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
SOURCES: dict[str, Source] = {
    "mnist": Source(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        {
            MNIST_FILES[0]: "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873",
            MNIST_FILES[1]: "md5:d53e105ee54ea40749a09fcbcd1e9432",
            MNIST_FILES[2]: "md5:9fb629c4189551a2d022fa330f9573f3",
            MNIST_FILES[3]: "md5:ec29112dd5afa0611ce80d1b7f02629c",
        },
    ),
    "fashion_mnist": Source(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        {
            MNIST_FILES[0]: "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            MNIST_FILES[1]: "md5:25c81989df183df01b3e8a0aad5dffbe",
            MNIST_FILES[2]: "md5:bef4ecab320f06d8554ea6380940ec79",
            MNIST_FILES[3]: "md5:bb300cfdad3c16e7a12a480ee83cd310",
        },
    ),
    "cifar10": Source(
        "https://www.cs.toronto.edu/~kriz/", {"cifar-10-binary.tar.gz": "md5:c32a1d4ab5d03f1284b67883e8d87530"}
    ),
    "cifar100": Source(
        "https://www.cs.toronto.edu/~kriz/", {"cifar-100-binary.tar.gz": "md5:03b5dce01913d631647c71ecec9e9cb8"}
    ),
}
CLASSES: dict[str, tuple[str, ...]] = {
    "mnist": tuple("0123456789"),
    "fashion_mnist": (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    "cifar10": ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
}


def load_images(name: str, folder: str | os.PathLike | None = None) -> Images:
    """Read a set of images, out of a folder, or fetched once and kept.

    Args:
        name: "mnist", "fashion_mnist", "cifar10" or "cifar100" (its 100 fine classes).
        folder: where the files lie under their usual names: MNIST's four, gzipped or not, or CIFAR's archive or what
            it holds. Other sets in one of the formats may lie there too. None fetches them with ``pooch``, checks
            their checksums, and keeps them in its cache, or in the folder that the variable ``JAXNN_DATA`` names.

    Returns:
        `Images`.

    Raises:
        ValueError: for an unknown name, a missing or damaged file, or a checksum that is not the right one.
        ImportError: without ``pooch``, where files are to be fetched.

    Example:
        >>> load_images("svhn")
        Traceback (most recent call last):
        ValueError: no set of images is named 'svhn'; choose one of mnist, fashion_mnist, cifar10, cifar100
    """
    if name not in SOURCES:
        raise ValueError(f"no set of images is named {name!r}; choose one of {', '.join(SOURCES)}")
    opener = _opener(name, fetch(SOURCES[name], name) if folder is None else Path(folder))
    return _mnist(name, opener) if "mnist" in name else _cifar(name, opener)


def fetch(source: Source, name: str) -> Path:
    """Fetch the files of a source into the cache, unless they are there, and return their folder."""
    try:
        import pooch
    except ImportError:
        raise ImportError(
            f"{name} is fetched with pooch; write pip install 'jaxnn-grid[data]', or load_images({name!r}, folder)"
        ) from None
    folder = Path(os.environ.get(CACHE) or pooch.os_cache("jaxnn")) / name
    for file, checksum in source.files.items():
        pooch.retrieve(source.url + file, checksum, file, folder)
    return folder


def _opener(name: str, folder: Path) -> Callable[[str], Any]:
    """A function from the name of a file to an open file, out of the folder or the archive in it."""
    (archive, *_) = SOURCES[name].files
    if archive.endswith(".tar.gz") and (folder / archive).is_file():
        held = _held(folder / archive)

        def out_of_archive(file: str) -> Any:
            return io.BytesIO(held[file]) if file in held else None

        return out_of_archive
    folders = [folder, *(p for p in folder.glob("*") if p.is_dir())] if folder.is_dir() else []

    def out_of_folder(file: str) -> Any:
        found = [f / n for f in folders for n in (file, file.removesuffix(".gz")) if (f / n).is_file()]
        return open(found[0], "rb") if found else None

    return out_of_folder


def _held(archive: Path) -> dict[str, bytes]:
    """The files in an archive, read into memory under their last names; nothing is written to disk."""
    try:
        with tarfile.open(archive) as tar:
            files = [(m.name, tar.extractfile(m)) for m in tar if m.isfile() and m.size < 2**28]
            return {Path(name).name: file.read() for name, file in files if file is not None}
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{archive.name} is damaged: {error}; remove it, or fetch it anew") from None


def _read(opener: Callable, file: str, read: Callable) -> Any:
    opened = opener(file)
    if opened is None:
        raise ValueError(f"there is no file {file}; write load_images(name, folder) with the folder that holds it")
    with opened:
        try:
            return read(opened)
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from None


def _scaled(x: np.ndarray) -> np.ndarray:
    return x.astype(np.float32) / 255


def _mnist(name: str, opener: Callable) -> Images:
    x, y, x_test, y_test = (_read(opener, file, read_idx) for file in MNIST_FILES)
    for pixels, labels in ((x, y), (x_test, y_test)):
        if pixels.ndim != 3 or labels.shape != pixels.shape[:1]:
            raise ValueError(
                f"{name} needs images (n, height, width) and labels (n,), got {pixels.shape} and {labels.shape}"
            )
    count = int(max(y.max(initial=0), y_test.max(initial=0))) + 1
    classes = CLASSES[name] if count <= 10 else tuple(map(str, range(count)))  # another set under the usual names
    train, test = ((_scaled(a[..., None]), b.astype(np.int32)) for a, b in ((x, y), (x_test, y_test)))
    return Images(train, test, classes)


def _cifar(name: str, opener: Callable) -> Images:
    ten = name == "cifar10"
    files = [f"data_batch_{i}.bin" for i in range(1, 6)] if ten else ["train.bin"]
    test = "test_batch.bin" if ten else "test.bin"
    parts = [_read(opener, file, lambda f: read_cifar(f, 1 if ten else 2)) for file in (*files, test)]
    pairs = [(_scaled(x), y[:, -1].astype(np.int32)) for x, y in parts]
    train = tuple(np.concatenate(z) for z in zip(*pairs[:-1], strict=True))
    classes = CLASSES["cifar10"] if ten else _fine(opener)
    return Images((train[0], train[1]), pairs[-1], classes)


def _fine(opener: Callable) -> tuple[str, ...]:
    """The names of CIFAR-100's classes, or their numbers where the file of the names is not there."""
    opened = opener("fine_label_names.txt")
    if opened is None:
        return tuple(map(str, range(100)))
    with opened:
        return tuple(opened.read().decode().split())
