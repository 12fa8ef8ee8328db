"""The two formats of small images that everybody has: MNIST's IDX files and CIFAR's binary files."""

import gzip
import math
import os
import zlib
from typing import Any

import numpy as np


def read_idx(file: Any) -> np.ndarray:
    """Read an array of bytes in IDX format, gzipped or not.

    Args:
        file: a path, or a binary file object.

    Returns:
        A uint8 array of the shape that the header tells.

    Raises:
        ValueError: for another format, other types than bytes, or a length that is not that of the header.

    Source: the format as described on the MNIST page, http://yann.lecun.com/exdb/mnist/.

    Example:
        >>> import io
        >>> read_idx(io.BytesIO(bytes([0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 3, 7, 8, 9]))).tolist()
        [[7, 8, 9]]
    """
    if isinstance(file, (str, os.PathLike)):
        with open(file, "rb") as opened:
            return read_idx(opened)
    start = file.read(2)
    file.seek(0)
    if start == b"\x1f\x8b":
        file = gzip.GzipFile(fileobj=file)
    try:
        head = file.read(4)
        if len(head) < 4 or head[:2] != b"\0\0" or not head[3]:
            raise ValueError(f"this is no IDX file: it starts with {head!r}")
        if head[2] != 8:
            raise ValueError(f"this IDX file holds type {head[2]:#x}, and only bytes, 0x8, are read")
        shape = tuple(int(n) for n in np.frombuffer(_exactly(file, 4 * head[3]), ">u4"))
        return np.frombuffer(_exactly(file, math.prod(shape), last=True), np.uint8).reshape(shape)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"this IDX file is damaged: {error}") from None


def read_cifar(file: Any, labels: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Read one of CIFAR's binary files: for each image its labels, a byte each, then 3 planes of 32 x 32 bytes.

    Args:
        file: a path, or a binary file object.
        labels: how many labels an image has, 1 in CIFAR-10 and 2 in CIFAR-100.

    Returns:
        Images ``(n, 32, 32, 3)`` uint8, and labels ``(n, labels)`` uint8.

    Raises:
        ValueError: for a length that is no whole number of images.

    Source: the format as described at https://www.cs.toronto.edu/~kriz/cifar.html.

    Example:
        >>> import io
        >>> x, y = read_cifar(io.BytesIO(bytes([5]) + bytes(3072)))
        >>> x.shape, y.tolist()
        ((1, 32, 32, 3), [[5]])
    """
    if isinstance(file, (str, os.PathLike)):
        with open(file, "rb") as opened:
            return read_cifar(opened, labels)
    data, row = file.read(), labels + 3072
    if not data or len(data) % row:
        raise ValueError(f"this is no CIFAR file of {labels} labels: it has {len(data)} bytes, no multiple of {row}")
    rows = np.frombuffer(data, np.uint8).reshape(-1, row)
    return rows[:, labels:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), rows[:, :labels]


def _exactly(file: Any, count: int, last: bool = False) -> bytes:
    if count > 2**31:
        raise ValueError(
            f"this IDX file is damaged: its header tells {count} bytes, and 2 GiB is the most that is read"
        )
    data = file.read(count + 1 if last else count)
    if len(data) != count:
        told = "more" if len(data) > count else "fewer"
        raise ValueError(f"this IDX file is damaged: its header tells {count} bytes, and there are {told}")
    return data
