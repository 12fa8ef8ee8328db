"""Curves in TensorBoard: the events that were written, read back as records of its own format."""

import struct
import sys

import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.callbacks import tensorboard

X = np.random.default_rng(0).normal(size=(12, 2)).astype(np.float32)
Y = (X @ np.float32([1, -2])).astype(np.float32)


def line(lr):
    return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))


def scalars(folder):
    """By name the pairs ``(step, value)`` of all event files in a folder, in order."""
    from tensorboardX.proto.event_pb2 import Event

    found = {}
    for path in sorted(folder.glob("events.out.tfevents.*")):
        data, at = path.read_bytes(), 0
        while at < len(data):  # length, its checksum, the event, its checksum
            length, first = struct.unpack_from("<QI", data, at)
            text, (second,) = data[at + 12 : at + 12 + length], struct.unpack_from("<I", data, at + 12 + length)
            assert (first, second) == (checksum(data[at : at + 8]), checksum(text))
            event = Event.FromString(text)
            assert event.file_version == ("" if at else "brain.Event:2")
            for value in event.summary.value:
                found.setdefault(value.tag, []).append((event.step, value.simple_value))
            at += 16 + length
    return found


def checksum(data):
    """CRC-32C bit by bit, masked as TensorFlow's records have it; TensorBoard drops a record with another."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def test_its_scalars_are_the_history_of_the_first_members(tmp_path):
    pytest.importorskip("tensorboardX")
    stop = nn.EarlyStopping("loss", patience=1, min_delta=1e-3)
    write = tensorboard(tmp_path / "new", members=2)
    options = dict(epochs=4, batch_size=4, validation=0.25, stop=stop, progress=False)
    runs = nn.grid(line, (X, Y), dict(lr=[0.1, 1e-6, 0.05]), callbacks=[write], **options)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["member_000", "member_001"]
    for i, epochs in enumerate((4, 2)):
        found = scalars(tmp_path / "new" / f"member_{i:03d}")
        assert set(found) == {"loss", "val_loss"}
        for name, values in found.items():
            assert values == [(e + 1, float(runs[i].history[name][e])) for e in range(epochs)]


def test_without_the_package_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorboardX.proto.event_pb2", None)
    with pytest.raises(ImportError, match=r"write pip install 'jaxnn-grid\[tensorboard\]'"):
        tensorboard(tmp_path)
