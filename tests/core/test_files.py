"""Files: round trips to the bit, damage found, nothing run, nothing lost."""

import json
import os
import pickle
import signal
import struct
import subprocess
import sys
import time
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxnn.core import files


class Pair(NamedTuple):
    left: object
    right: object


TREE = {
    "bf16": jnp.asarray([[1.5, -0.0, jnp.inf]], jnp.bfloat16),
    "half": np.asarray([np.nan, 6e-8], np.float16),
    "list": [np.arange(6.0).reshape(2, 3).T, np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(9)[::2]],
    "pair": Pair(np.zeros((0, 2), np.int8), (np.float32(3), {"deep": np.ones((), bool)})),
    "numbers": (1, 2.5, True),
    "keys": {"one": jax.random.key(3, impl="rbg"), "many": jax.random.split(jax.random.key(1), 3)},
    "swapped": np.arange(3, dtype=">i4"),
    "nothing": ({}, [], None),
    "complex": np.asarray([1 + 2j], np.complex64),
}


def _bits(leaf):
    if jnp.issubdtype(getattr(leaf, "dtype", np.float32), jax.dtypes.prng_key):
        return str(jax.random.key_impl(leaf)), np.asarray(jax.random.key_data(leaf)).tolist()
    leaf = np.asarray(leaf)
    return leaf.shape, leaf.astype(leaf.dtype.newbyteorder("=")).tobytes()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tree.safetensors"


def test_a_tree_comes_back_to_the_bit_in_its_own_structure(path):
    like = TREE | {"swapped": np.zeros(3, "=i4")}
    files.write(path, TREE, {"a": [1, None, {"b": "ü"}]})
    tree, meta = files.read_into(path, like)
    assert meta == {"a": [1, None, {"b": "ü"}]}
    assert jax.tree.structure(tree) == jax.tree.structure(TREE)
    assert [_bits(leaf) for leaf in jax.tree.leaves(tree)] == [_bits(leaf) for leaf in jax.tree.leaves(TREE)]
    assert tree["numbers"] == (1, 2.5, True)
    assert [type(number) for number in tree["numbers"]] == [int, float, bool]


def test_a_tree_comes_back_as_nested_dicts(path):
    files.write(path, TREE)
    tree, meta = files.read(path)
    assert meta == {}
    assert tree["pair"]["right"]["1"]["deep"].dtype == bool
    assert np.array_equal(tree["list"]["0"], TREE["list"][0])
    assert tree["nothing"] == {"0": {}, "1": {}}
    assert _bits(tree["keys"]["many"]) == _bits(TREE["keys"]["many"])
    assert tree["bf16"].dtype == jnp.bfloat16


@pytest.mark.parametrize(("tree", "back"), [({}, {}), ([], {}), ({"a": {"b": ()}}, {"a": {"b": {}}}), (2, 2)])
def test_small_trees(path, tree, back):
    files.write(path, tree)
    assert files.read(path)[0] == back


@settings(max_examples=30, deadline=None)
@given(
    st.recursive(
        st.floats(allow_nan=False) | st.integers(-(2**63), 2**63 - 1) | st.booleans(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc.é0 ", min_size=1), inner, max_size=3),
        max_leaves=8,
    )
)
def test_any_tree_of_numbers_comes_back(tmp_path_factory, tree):
    path = tmp_path_factory.mktemp("any") / "tree"
    files.write(path, tree)
    assert files.read_into(path, tree)[0] == tree


def test_the_state_of_an_optimizer_comes_back(path):
    state = optax.chain(optax.clip(1.0), optax.adam(1e-3)).init({"kernel": jnp.ones((2, 3))})
    files.write(path, state)
    again, _ = files.read_into(path, jax.eval_shape(lambda: state))
    assert jax.tree.structure(again) == jax.tree.structure(state)


def test_other_programs_read_the_file(path):
    files.write(path, TREE, {"a": 1})
    theirs = safetensors.numpy.load_file(path)
    assert np.array_equal(theirs["list/0"], TREE["list"][0])
    assert np.array_equal(theirs["list/2"], TREE["list"][2])


def test_every_flipped_bit_is_found(path):
    files.write(path, {"a": np.arange(3.0), "k": jax.random.key(0)}, {"classes": ["x", "y"]})
    whole = path.read_bytes()
    for i in range(len(whole)):
        path.write_bytes(whole[:i] + bytes([whole[i] ^ (1 << i % 8)]) + whole[i + 1 :])
        with pytest.raises(ValueError, match=r"damaged"):
            files.read(path)


@pytest.mark.parametrize("other", [b"[3,2]", b"[1,6]", b"[6,1]"])
def test_another_shape_of_the_same_bytes_is_found(path, other):
    files.write(path, {"a": np.arange(6.0).reshape(2, 3)})
    whole = path.read_bytes()
    assert whole.count(b"[2,3]") == 1
    path.write_bytes(whole.replace(b"[2,3]", other))
    with pytest.raises(ValueError, match="damaged or no file of jaxnn: its checksum is wrong"):
        files.read(path)


def test_every_truncation_is_found(path):
    files.write(path, {"a": np.arange(3.0)})
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="damaged"):
            files.read(path)


def _hostile(header, payload=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + payload


def _signed(arrays, about):
    header = {"format": files.FORMAT, "about": about, "sha256": files._digest(about, arrays)}
    return safetensors.numpy.save(arrays, metadata=header)


ONE = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
HOSTILE = {
    "endless header": struct.pack("<Q", 2**63) + b"{}",
    "deep header": _hostile(b'{"a":' * 5000 + b"1" + b"}" * 5000),
    "no meta": _hostile({"a": ONE}, b"abcd"),
    "foreign meta": _hostile({"__metadata__": {"format": "pt"}, "a": ONE}, b"abcd"),
    "no digest": _hostile({"__metadata__": {"format": files.FORMAT}, "a": ONE}, b"abcd"),
    "overlap": _hostile({"a": ONE, "b": ONE}, b"abcd"),
    "huge shape": _hostile({"a": ONE | {"shape": [2**62, 2**62]}}, b"abcd"),
    "past the end": _hostile({"a": ONE | {"data_offsets": [0, 2**40]}}, b"abcd"),
    "pickle": pickle.dumps({"a": 1}),
    "numpy": b"\x93NUMPY" + bytes(200),
    "deep about": _signed({}, "[" * 100_000),
    "about without meta": _signed({}, "{}"),
    "about of numbers": _signed({}, "12"),
    "unknown random": _signed({"k": np.zeros(2, np.uint32)}, '{"meta": {}, "keys": {"k": "os"}, "empty": []}'),
    "key of floats": _signed({"k": np.zeros(2)}, '{"meta": {}, "keys": {"k": "threefry2x32"}, "empty": []}'),
    "key of nothing": _signed({}, '{"meta": {}, "keys": {"k": "threefry2x32"}, "empty": []}'),
    "leaf below leaf": _signed({"a": np.zeros(2), "a/b": np.zeros(2)}, '{"meta": {}, "keys": {}, "empty": []}'),
    "empty below leaf": _signed({"a": np.zeros(2)}, '{"meta": {}, "keys": {}, "empty": ["a"]}'),
    "list as meta": _signed({}, '{"meta": [1], "keys": {}, "empty": []}'),
    "the same twice": _signed({}, '{"meta": {"a": 1, "a": 2}, "keys": {}, "empty": []}'),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_gets_one_clear_error(path, name):
    path.write_bytes(HOSTILE[name])
    with pytest.raises(ValueError, match="damaged") as caught:
        files.read(path)
    assert "\n" not in str(caught.value)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_garbage_gets_one_clear_error(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("garbage") / "file"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="damaged"):
        files.read(path)


def test_no_file_and_a_folder(tmp_path):
    for place in (tmp_path / "none", tmp_path):
        with pytest.raises(ValueError, match="there is no file"):
            files.read(place)


@pytest.mark.parametrize(
    ("tree", "meta", "words"),
    [
        ({"a/b": np.ones(1)}, None, "holds '/'"),
        ({"": np.ones(1)}, None, "is empty or"),
        ({"a": "text"}, None, "a is a str"),
        ({"a": np.array([None])}, None, "a is a ndarray of object"),
        ({"a": jnp.ones(2, jnp.float8_e4m3fn)}, None, "float8"),
        ({}, {"x": np.ones(1)}, "only what JSON holds"),
        ({}, {"x": {1: 2, "a": 3}}, "only what JSON holds"),
    ],
)
def test_write_refuses_and_leaves_the_old_file(path, tree, meta, words):
    files.write(path, {"old": np.ones(1)})
    with pytest.raises(ValueError, match=words):
        files.write(path, tree, meta)
    assert list(files.read(path)[0]) == ["old"]
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize(
    ("like", "words"),
    [
        ({"a": np.ones(3), "b": 1}, "no leaf 'b'"),
        ({}, "has a leaf 'a' that the target lacks"),
        ({"a": np.ones((3, 1))}, r"a: the file holds float64 \(3,\), the target float64 \(3, 1\)"),
        ({"a": np.ones(3, np.float32)}, r"a: the file holds float64 \(3,\), the target float32 \(3,\)"),
        ({"a": 1.0}, r"a: the file holds float64 \(3,\), the target float64 \(\)"),
        ({"a": jax.random.key(0)}, "a: the file holds float64"),
    ],
)
def test_read_into_another_structure_says_where(path, like, words):
    files.write(path, {"a": np.ones(3)})
    with pytest.raises(ValueError, match=words):
        files.read_into(path, like)


def test_a_failure_before_the_rename_leaves_the_old_file(path, monkeypatch):
    files.write(path, {"old": np.ones(1)})

    def full(descriptor):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        files.write(path, {"new": np.ones(1)})
    assert list(files.read(path)[0]) == ["old"]
    assert os.listdir(path.parent) == [path.name]


def test_missing_folders_are_made(tmp_path):
    files.write(tmp_path / "a" / "b" / "file", {"x": np.ones(1)})
    assert files.read(tmp_path / "a" / "b" / "file")[0]["x"] == 1


WRITER = """
import itertools, sys
import numpy as np
from jaxnn.core.files import write
for i in itertools.count():
    write(sys.argv[1], {"a": np.full(200_000, i), "b": np.full(200_000, i)}, {"i": i})
    if i == 0:
        print("ready", flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs locks")
def test_what_a_killed_process_left_goes_at_the_next_save_and_what_another_one_writes_stays(path):
    left, empty, foreign, other = (path.with_name(name) for name in (
        f".{path.name}.0123456789ab.tmp", f".{path.name}.0123456789ac.tmp", f".{path.name}.notes.tmp",
        f".{path.name}.more.0123456789ab.tmp",
    ))  # fmt: skip
    for file in (left, foreign, other):
        file.write_bytes(b"half")
    empty.touch()
    os.utime(empty, (0, 0))
    writing = path.with_name(f".{path.name}.0123456789ad.tmp")
    begun = path.with_name(f".{path.name}.0123456789ae.tmp")
    begun.touch()
    with open(writing, "xb") as file:
        files._locked(file)
        file.write(b"half")
        file.flush()
        files.write(path, {"a": np.ones(1)})
    assert {*path.parent.iterdir()} == {path, foreign, other, writing, begun}
    files.write(path, {"a": np.ones(1)})
    assert {*path.parent.iterdir()} == {path, foreign, other, begun}


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_killed_while_writing_leaves_a_whole_file(path):
    for wait in (0.03, 0.11, 0.2):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as writer:
            writer.stdout.readline()
            time.sleep(wait)
            writer.send_signal(signal.SIGKILL)
        tree, meta = files.read(path)
        assert np.all(tree["a"] == meta["i"])
        assert np.all(tree["b"] == meta["i"])
        files.write(path, tree, meta)
        assert [
            left for left in os.listdir(path.parent) if left != path.name and path.with_name(left).stat().st_size
        ] == []
