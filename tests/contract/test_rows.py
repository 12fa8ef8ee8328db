"""Whatever holds layers tells each of them which rows are real. A new composite adds an entry to `COMPOSITES`."""

import dataclasses
import re
from typing import Any

import jax
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.core.layer import REGISTRY

ROWS = np.array([True, True, True, False])
X = np.random.default_rng(0).normal(size=(4, 3, 4)).astype(np.float32)
IDS = np.random.default_rng(0).integers(0, 5, (4, 3)).astype(np.int32)
GIVEN: dict = {}


@nn.spec
class Witness:
    """A layer that notes down which rows it is given."""

    name: str
    layer: Any = nn.child()

    def init(self, key, x):
        return self.layer.init(key, x)

    def apply(self, params, state, x, *, key=None, train=False, rows=None):
        GIVEN[self.name] = rows
        return self.layer.apply(params, state, x, key=key, train=train, rows=rows)

    def attend(self, params, x):
        return self.layer.attend(params, x)


def dense(name):
    return Witness(name, nn.Dense(4))


def norm(name):
    return Witness(name, nn.LayerNorm())


BLOCK = Witness("block", nn.TransformerBlock(Witness("attention", nn.Attention(2)), norm=norm("inner"), dropout=0.1))
TOKENS = {"embed": Witness("embed", nn.Embed(5, 4)), "block": BLOCK, "layers": 2, "norm": norm("last"), "dropout": 0.1}
FEATURES = {**TOKENS, "embed": dense("embed"), "head": dense("head"), "positions": Witness("p", nn.LearnedPositions())}
COMPOSITES = [
    (nn.Sequential(dense("a"), nn.Sequential(dense("b"))), X),
    (nn.Residual(dense("a")), X),
    (nn.DropConnect(dense("a"), 0.5), X),
    (nn.Parallel(dense("a"), dense("b"), join="add"), X),
    (nn.Graph(("a", dense("a"), "x"), ("b", dense("b"), "x"), ("c", nn.Join(), ("a", "b"))), X),
    (nn.Repeat(dense("a"), 3), X),
    (nn.Repeat(dense("a"), 3, remat="full"), X),
    (nn.Remat(dense("a")), X),
    (nn.Bidirectional(Witness("a", nn.GRU(2))), X),
    (BLOCK.layer, X),
    (nn.GPT(**TOKENS), IDS),
    (nn.GPT(**TOKENS, repeat=True, remat="dots"), IDS),
    (nn.TransformerEncoder(**FEATURES), X),
    (nn.TransformerEncoder(**FEATURES, repeat=True), (X, np.ones((4, 3), np.int32))),
]


@pytest.mark.parametrize(("model", "x"), COMPOSITES, ids=lambda v: type(v).__name__)
def test_every_layer_inside_is_given_the_rows(model, x, key):
    params, state = jax.jit(model.init)(key, x)
    GIVEN.clear()
    jax.eval_shape(lambda p, s, x: model.apply(p, s, x, key=key, train=True, rows=ROWS), params, state, x)
    assert set(GIVEN) == set(re.findall(r"Witness\(name='(\w+)'", repr(model)))
    assert all(rows is ROWS for rows in GIVEN.values()), f"not given the rows: {GIVEN}"


def test_every_composite_has_an_entry():
    holds = lambda cls: any(field.metadata.get("child") for field in dataclasses.fields(cls))  # noqa: E731
    composites = {
        name
        for name, cls in REGISTRY.items()
        if cls.__module__.startswith(("jaxnn.layers", "jaxnn.models")) and holds(cls)
    }
    missing = composites - {type(model).__name__ for model, _ in COMPOSITES}
    assert not missing, f"{sorted(missing)} have no entry in COMPOSITES"
