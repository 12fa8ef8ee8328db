"""Images in MNIST's and CIFAR's formats: small files made here, in folders and behind a server on this machine."""

import functools
import gzip
import hashlib
import http.server
import io
import struct
import tarfile
import threading

import numpy as np
import pytest

import jaxnn as nn
from jaxnn.data import images

DRAW = np.random.default_rng(0)
MNIST = (
    DRAW.integers(0, 256, (5, 6, 4)).astype(np.uint8),
    DRAW.integers(0, 10, 5).astype(np.uint8),
    DRAW.integers(0, 256, (3, 6, 4)).astype(np.uint8),
    DRAW.integers(0, 10, 3).astype(np.uint8),
)
CIFAR = [(DRAW.integers(0, 256, (2, 3, 32, 32)).astype(np.uint8), DRAW.integers(0, 10, 2)) for _ in range(6)]


def idx(array):
    """An array of bytes in IDX format."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_mnist(folder, zipped=True):
    for name, array in zip(images.MNIST_FILES, MNIST, strict=True):
        data = idx(array)
        path = folder / (name if zipped else name.removesuffix(".gz"))
        path.write_bytes(gzip.compress(data, mtime=0) if zipped else data)


def cifar_files():
    """The six files of CIFAR-10."""
    names = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
    rows = (b"".join(bytes([k]) + x.tobytes() for x, k in zip(*part, strict=True)) for part in CIFAR)
    return dict(zip(names, rows, strict=True))


def write_archive(path, files):
    with tarfile.open(path, "w:gz") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(f"some-folder/{name}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def is_mnist(loaded):
    for (x, y), pixels, labels in ((loaded.train, *MNIST[:2]), (loaded.test, *MNIST[2:])):
        assert (x.dtype, y.dtype) == (np.float32, np.int32)
        np.testing.assert_allclose(x[..., 0] * 255, pixels, rtol=1e-6)
        np.testing.assert_array_equal(y, labels)


def is_cifar(loaded):
    x, y = loaded.train
    np.testing.assert_allclose(x * 255, np.concatenate([p[0] for p in CIFAR[:5]]).transpose(0, 2, 3, 1), rtol=1e-6)
    np.testing.assert_array_equal(y, np.concatenate([p[1] for p in CIFAR[:5]]))
    np.testing.assert_array_equal(loaded.test[1], CIFAR[5][1])
    assert loaded.classes[3] == "cat"


@pytest.mark.parametrize("zipped", [False, True])
def test_mnist_out_of_a_folder(tmp_path, zipped):
    write_mnist(tmp_path, zipped)
    loaded = nn.data.load_images("mnist", tmp_path)
    is_mnist(loaded)
    assert loaded.classes == tuple("0123456789")


def test_cifar_out_of_a_folder_and_out_of_its_archive(tmp_path):
    inner = tmp_path / "cifar-10-batches-bin"
    inner.mkdir()
    for name, data in cifar_files().items():
        (inner / name).write_bytes(data)
    is_cifar(nn.data.load_images("cifar10", tmp_path))
    is_cifar(nn.data.load_images("cifar10", inner))
    write_archive(tmp_path / "cifar-10-binary.tar.gz", cifar_files())
    for name in cifar_files():
        (inner / name).unlink()
    is_cifar(nn.data.load_images("cifar10", tmp_path))


def test_cifar100_takes_the_fine_labels_and_their_names(tmp_path):
    x = CIFAR[0][0]
    data = bytes([1, 42]) + x[0].tobytes() + bytes([2, 7]) + x[1].tobytes()
    names = "\n".join(f"name {i}".replace(" ", "_") for i in range(100)) + "\n"
    files = {"train.bin": data, "test.bin": data, "fine_label_names.txt": names.encode()}
    write_archive(tmp_path / "cifar-100-binary.tar.gz", files)
    loaded = nn.data.load_images("cifar100", tmp_path)
    assert loaded.train[1].tolist() == [42, 7]
    assert loaded.classes[42] == "name_42"
    np.testing.assert_allclose(loaded.test[0] * 255, x.transpose(0, 2, 3, 1), rtol=1e-6)


@pytest.fixture
def server(tmp_path):
    """A folder behind a server on this machine, and how many files were asked for."""
    folder, asked = tmp_path / "served", []
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            asked.append(self.path)

    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{running.server_address[1]}/", asked
        running.shutdown()
        thread.join()


def checksums(folder):
    return {p.name: f"sha256:{hashlib.sha256(p.read_bytes()).hexdigest()}" for p in folder.iterdir()}


def test_files_are_fetched_once_and_kept(tmp_path, server, monkeypatch):
    pytest.importorskip("pooch")
    folder, url, asked = server
    write_mnist(folder)
    monkeypatch.setitem(images.SOURCES, "mnist", images.Source(url, checksums(folder)))
    monkeypatch.setenv("JAXNN_DATA", str(tmp_path / "kept"))
    is_mnist(nn.data.load_images("mnist"))
    assert len(asked) == 4
    is_mnist(nn.data.load_images("mnist"))
    assert len(asked) == 4
    (tmp_path / "kept" / "mnist" / images.MNIST_FILES[1]).write_bytes(b"broken")
    is_mnist(nn.data.load_images("mnist"))
    assert len(asked) == 5


def test_an_archive_is_fetched(tmp_path, server, monkeypatch):
    pytest.importorskip("pooch")
    folder, url, _ = server
    write_archive(folder / "cifar-10-binary.tar.gz", cifar_files())
    monkeypatch.setitem(images.SOURCES, "cifar10", images.Source(url, checksums(folder)))
    monkeypatch.setenv("JAXNN_DATA", str(tmp_path / "kept"))
    is_cifar(nn.data.load_images("cifar10"))


def test_a_wrong_checksum_is_refused(tmp_path, server, monkeypatch):
    pytest.importorskip("pooch")
    folder, url, _ = server
    write_mnist(folder)
    wrong = dict.fromkeys(images.MNIST_FILES, "md5:" + "0" * 32)
    monkeypatch.setitem(images.SOURCES, "mnist", images.Source(url, wrong))
    monkeypatch.setenv("JAXNN_DATA", str(tmp_path / "kept"))
    with pytest.raises(ValueError, match="hash"):
        nn.data.load_images("mnist")


def test_a_missing_file_is_named(tmp_path):
    write_mnist(tmp_path)
    (tmp_path / images.MNIST_FILES[2]).unlink()
    with pytest.raises(ValueError, match=f"there is no file {images.MNIST_FILES[2]}; write load_images"):
        nn.data.load_images("mnist", tmp_path)
    with pytest.raises(ValueError, match="there is no file"):
        nn.data.load_images("cifar10", tmp_path / "nowhere")


def test_labels_that_do_not_fit_the_images_are_refused(tmp_path):
    write_mnist(tmp_path)
    (tmp_path / images.MNIST_FILES[1]).write_bytes(gzip.compress(idx(MNIST[3])))
    with pytest.raises(ValueError, match=r"got \(5, 6, 4\) and \(3,\)"):
        nn.data.load_images("mnist", tmp_path)


def test_a_damaged_archive_is_told(tmp_path):
    write_archive(tmp_path / "cifar-10-binary.tar.gz", cifar_files())
    whole = (tmp_path / "cifar-10-binary.tar.gz").read_bytes()
    for damaged in (b"no archive", whole[: len(whole) // 2]):
        (tmp_path / "cifar-10-binary.tar.gz").write_bytes(damaged)
        with pytest.raises(ValueError, match=r"cifar-10-binary\.tar\.gz is damaged"):
            nn.data.load_images("cifar10", tmp_path)
