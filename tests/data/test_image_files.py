"""Reading IDX and CIFAR files, whole, damaged and hostile."""

import gzip
import io
import struct

import numpy as np
import pytest

import jaxnn as nn

ARRAY = np.random.default_rng(0).integers(0, 256, (3, 4, 2)).astype(np.uint8)
HEAD = struct.pack(">BBBB3I", 0, 0, 8, 3, 3, 4, 2)
GOOD = HEAD + ARRAY.tobytes()
PACKED = gzip.compress(GOOD, mtime=0)


@pytest.mark.parametrize("data", [GOOD, PACKED], ids=["plain", "packed"])
def test_idx_of_a_path_and_of_a_file(tmp_path, data):
    path = tmp_path / "images"
    path.write_bytes(data)
    np.testing.assert_array_equal(nn.data.read_idx(path), ARRAY)
    np.testing.assert_array_equal(nn.data.read_idx(str(path)), ARRAY)
    np.testing.assert_array_equal(nn.data.read_idx(io.BytesIO(data)), ARRAY)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no IDX file"),
        (b"\x89PNG\r\n\x1a\n", "no IDX file"),
        (b"\0\0\x08\0", "no IDX file"),
        (b"\0\0\x0d" + GOOD[3:], "type 0xd"),
        (GOOD[:10], "and there are fewer"),
        (GOOD[:-1], "tells 24 bytes, and there are fewer"),
        (GOOD + b"x", "tells 24 bytes, and there are more"),
        (struct.pack(">BBBB3I", 0, 0, 8, 3, *[2**32 - 1] * 3) + b"x", "2 GiB is the most"),
        (PACKED[:-9], "damaged"),
        (PACKED[:12] + b"damaged here" + PACKED[24:], "damaged"),
    ],
)
def test_damaged_idx_files_are_told(data, words):
    with pytest.raises(ValueError, match=words):
        nn.data.read_idx(io.BytesIO(data))


def test_cifar_planes_become_channels(tmp_path):
    planes = np.random.default_rng(0).integers(0, 256, (2, 3, 32, 32)).astype(np.uint8)
    path = tmp_path / "batch.bin"
    path.write_bytes(b"".join(bytes([4, 9]) + p.tobytes() for p in planes))
    x, y = nn.data.read_cifar(path, labels=2)
    np.testing.assert_array_equal(x, planes.transpose(0, 2, 3, 1))
    np.testing.assert_array_equal(y, [[4, 9], [4, 9]])


@pytest.mark.parametrize("data", [b"", bytes(3072), bytes(3074)])
def test_damaged_cifar_files_are_told(data):
    with pytest.raises(ValueError, match=f"it has {len(data)} bytes, no multiple of 3073"):
        nn.data.read_cifar(io.BytesIO(data))
