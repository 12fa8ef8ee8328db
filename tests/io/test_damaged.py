"""Damaged files: each loads and predicts, or is refused in one sentence with its path; none runs code, hangs or swells.

Some hundreds here; ``DAMAGED_FILES=10000 pytest tests/io/test_damaged.py`` for as many as one likes.
"""

import json
import os
import random
import struct
import time
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import safetensors.numpy

import jaxnn as nn
from jaxnn.core import files

COUNT = int(os.environ.get("DAMAGED_FILES", "400"))
RNG = np.random.default_rng(0)
X = {
    "dense": RNG.normal(size=(6, 3)).astype(np.float32),
    "image": RNG.normal(size=(6, 4, 4, 2)).astype(np.float32),
    "words": RNG.integers(0, 5, (6, 4)),
    "several": RNG.normal(size=(6, 3)).astype(np.float32),
}
NUMBERS = (-1, 0, 1, 2, 5, 7, 10**6, 10**9, 2**31, 2**63, 2**70, 10**400, -(10**12), 0.5, 1e308, float("nan"), True)
THINGS = (
    *NUMBERS,
    None,
    "",
    "x",
    "os.system",
    "float64",
    "int8",
    "S2000000000",
    "object",
    [],
    [1],
    {},
    {"class": "Dense"},
)
DTYPES = ("float16", "float32", "float64", "int8", "int64", "uint8", "bool", "complex64", "bfloat16")


def models():
    """Runs whose files hold all that a file may hold."""
    stack = nn.Sequential(nn.Dense(4, "tanh"), nn.BatchNorm(), nn.Dropout(0.2), nn.Residual(nn.Dense(4)), nn.Dense(3))
    image = nn.Sequential(nn.Conv(3, 3), nn.MaxPool(2), nn.GroupNorm(1), nn.Flatten(), nn.Dense(2))
    heads = nn.Graph(("cls", nn.Dense(3), "x"), ("reg", nn.Dense(1), "x"), outputs=("cls", "reg"))
    y, pair = np.arange(6) % 2, {"cls": np.arange(6) % 3, "reg": X["several"][:, 0]}
    two = {"cls": nn.losses.softmax_focal(1.5), "reg": "huber"}
    sgd, options = optax.sgd(0.1), dict(epochs=2, progress=False)
    dense = nn.Trial(stack, nn.losses.label_smoothing(0.1), sgd, metrics=("top_2",))
    gpt = nn.gpt(vocab=5, context=4, width=4, heads=2, layers=1)
    return {
        "dense": nn.fit(dense, (X["dense"], y), standardise=True, **options),
        "image": nn.fit(nn.Trial(image, "softmax_cross_entropy", sgd), (X["image"], y), **options),
        "words": nn.fit(nn.Trial(gpt, "softmax_cross_entropy", sgd), (X["words"], X["words"]), **options),
        "several": nn.fit(nn.Trial(heads, two, sgd, loss_weights={"reg": 0.3}), (X["several"], pair), **options),
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of each file, the paths in its JSON among them."""
    place, found = tmp_path_factory.mktemp("whole"), {}
    runs = models()
    for name, run in runs.items():
        run.save(place / name)
        found[name] = (place / name).read_bytes()
    nn.Ensemble((runs["dense"], runs["dense"])).save(place / "ensemble")
    X["ensemble"], found["ensemble"] = X["dense"], (place / "ensemble").read_bytes()
    return found


def nodes(tree, path=()):
    """The paths to all that stands in a JSON tree, JSON within its texts included."""
    if isinstance(tree, str) and tree.startswith("{"):
        tree = json.loads(tree)
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, part in pairs:
        yield (*path, key)
        yield from nodes(part, (*path, key))


def changed(tree, path, change):
    """The tree with another thing at a path."""
    if isinstance(tree, str):
        return json.dumps(changed(json.loads(tree), path, change))
    if len(path) > 1:
        tree[path[0]] = changed(tree[path[0]], path[1:], change)
    else:
        change(tree, path[0])
    return tree


def _edit_header(draw, about, arrays):
    path = draw.choice(list(nodes(about["meta"])))

    def change(tree, key):
        kind = draw.random()
        if kind < 0.7:
            tree[key] = draw.choice(THINGS)
        elif kind < 0.8:
            del tree[key]
        elif kind < 0.9 and isinstance(tree, dict):
            tree[draw.choice(("units", "n", "name", "class", "layers", "strides", "x"))] = draw.choice(THINGS)
        else:
            for _ in range(draw.choice((3, 60, 900))):
                tree[key] = [tree[key]]

    changed(about["meta"], path, change)


def _edit_array(draw, about, arrays):
    name = draw.choice(sorted(arrays))
    array, kind = arrays.pop(name), draw.random()
    if kind < 0.3:
        arrays[name] = np.asarray(array.astype(np.float64)).astype(jnp.dtype(draw.choice(DTYPES)))
    elif kind < 0.6:
        arrays[name] = np.resize(array, draw.choice([(), (0,), (7,), (2, 3), (*array.shape, 1), (1, 4, 4, 2)]))
    elif kind < 0.75:
        arrays[name + draw.choice(("/x", "x", "_1"))] = array
    elif kind < 0.9:
        flat = bytearray(array.tobytes())
        for _ in range(1 + len(flat) // 8):
            flat[draw.randrange(len(flat))] ^= 1 << draw.randrange(8)
        arrays[name] = np.frombuffer(bytes(flat), array.dtype).reshape(array.shape)


def damaged(draw, data):
    """The bytes with one damage; most have their checksum repaired, so that what is within is looked at."""
    kind = draw.random()
    if kind < 0.1:
        return data[: draw.randrange(len(data))]
    if kind < 0.25:
        flipped = bytearray(data)
        for _ in range(draw.choice((1, 1, 4, 64))):
            flipped[draw.randrange(len(flipped))] ^= 1 << draw.randrange(8)
        return bytes(flipped)
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    if kind < 0.35:
        entry = header[draw.choice([name for name in header if name != "__metadata__"])]
        entry[draw.choice(("shape", "data_offsets", "dtype"))] = draw.choice(
            [[2**62, 2**62], [-1], [0, 2**70], [10**400], "F8_E4M3", "F64", "I8", [3], None]
        )
        text = json.dumps(header).encode()
        return struct.pack("<Q", draw.choice((len(text), len(text), 2**63, 10**9))) + text + data[8 + size :]
    arrays = safetensors.numpy.load(data)
    about = json.loads(header["__metadata__"]["about"])
    (_edit_header if kind < 0.85 else _edit_array)(draw, about, arrays)
    text = json.dumps(about)
    if kind < 0.4:
        text = text.replace('{"', '{"meta": 3, "x": 1, "x": 2, "', 1)
    told = {"format": files.FORMAT, "about": text, "sha256": files._digest(text, arrays)}
    return safetensors.numpy.save(arrays, metadata=told)


def outcome(path, x):
    """``"predicts"``, or the sentence in which the file is refused."""
    try:
        run = nn.load(path)
    except ValueError as error:
        sentence = str(error)
        assert str(path) in sentence and "\n" not in sentence and len(sentence) < 800 + len(str(path)), sentence
        return "refused"
    try:
        jax.block_until_ready(jax.tree.leaves(run.predict(x)))
    except ValueError as error:  # numbers that are numbers, and scale rows to infinity
        assert "x holds NaN or infinite values" in str(error)
        return "tells that rows are infinite"
    return "predicts"


@pytest.mark.filterwarnings("ignore:.* encountered in:RuntimeWarning")  # of numbers that a damage made huge
def test_each_is_one_sentence_or_predicts(whole, tmp_path, monkeypatch):
    def nothing(*args, **keywords):
        raise AssertionError("a file ran something")

    for name in ("system", "popen"):
        monkeypatch.setattr(os, name, nothing)
    draw, path, seen, slowest = random.Random(int(os.environ.get("DAMAGED_SEED", "0"))), tmp_path / "file", {}, 0.0
    for i in range(COUNT):
        name = draw.choice(sorted(whole))
        data = damaged(draw, whole[name])
        path.write_bytes(data)
        begun = time.monotonic()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".* holds (float64|u?int64)")
            try:
                told = outcome(path, X[name])
            except Exception as error:
                raise AssertionError(f"file {i}, of {name}: {error!r}") from error
        slowest = max(slowest, time.monotonic() - begun)
        seen[told] = seen.get(told, 0) + 1
        jax.clear_caches() if i % 500 == 499 else None
    print(f"\n{COUNT} damaged files: {seen}, the slowest took {slowest:.1f} s")
    assert seen["refused"] > COUNT / 2 and slowest < 60


@pytest.mark.filterwarnings("ignore:.* encountered in:RuntimeWarning", "ignore:.* holds float64")
def test_a_folder_whose_words_were_changed(tmp_path):
    def net(lr):
        return nn.Trial(nn.mlp((3,), out=2, batch_norm=True), "softmax_cross_entropy", optax.sgd(lr))

    nn.fit(
        net, (X["dense"], np.arange(6) % 2), dict(lr=0.1), epochs=1, standardise=True, folder=tmp_path, progress=False
    )
    whole, draw, refused = json.loads((tmp_path / "population.json").read_text()), random.Random(0), 0
    paths = [path for path in nodes(whole) if path[0] in ("points", "seeds", "epochs", "groups", "how", "model")]
    for i in range(COUNT // 4):
        known, thing = json.loads(json.dumps(whole)), draw.choice(THINGS)
        changed(known, draw.choice(paths), lambda tree, key, thing=thing: tree.__setitem__(key, thing))
        (tmp_path / "population.json").write_text(json.dumps(known))
        try:
            nn.load_runs(tmp_path)[0].predict(X["dense"])
        except ValueError as error:
            assert "\n" not in str(error) and len(str(error)) < 1000 + len(str(tmp_path)), error
            refused += 1
        except Exception as error:
            raise AssertionError(f"change {i}: {error!r}") from error
    assert refused > COUNT / 20
