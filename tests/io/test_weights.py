"""Weights out of files, held against the model: the first leaf that does not fit is named."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.data.split import Standardiser
from jaxnn.io.weights import check_scaling, fitted, row_read, row_written, warn_narrow

ROW = jax.ShapeDtypeStruct((1, 3), jnp.float32)
MODEL = nn.Sequential(nn.Dense(2), nn.BatchNorm())


@pytest.fixture
def trees():
    params, state = MODEL.init(jax.random.key(0), jnp.ones((1, 3)))
    return {"params": jax.tree.map(np.asarray, params), "state": jax.tree.map(np.asarray, state)}


def test_a_row_comes_back():
    for row in (ROW, {"a": ROW, "b": (ROW, jax.ShapeDtypeStruct((1, 4, 2), jnp.int32))}, None):
        assert row_read(row_written(row)) == row
    assert row_written(np.zeros((1, 2), np.float32)) == {"shape": [1, 2], "dtype": "float32"}


@pytest.mark.parametrize(
    "text",
    [
        {"shape": [1, -3], "dtype": "float32"},
        {"shape": [1, 3.0], "dtype": "float32"},
        {"shape": [2, 3], "dtype": "float32"},
        {"shape": [], "dtype": "float32"},
        {"shape": [1, 2**40], "dtype": "float32"},
        {"shape": [1, 2**70], "dtype": "float32"},
        {"shape": [1, True], "dtype": "float32"},
        {"shape": "13", "dtype": "float32"},
        {"shape": [1, 3], "dtype": "object"},
        {"shape": [1, 3], "dtype": "S2000000000"},
    ],
)
def test_a_row_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match="no row of inputs is"):
        row_read(text)


def test_weights_come_back_in_the_tree_of_the_model(trees):
    assert jax.tree.structure(fitted(MODEL, ROW, trees)) == jax.tree.structure(trees)
    half = jax.tree.map(lambda a: a.astype(np.float16) if a.dtype == np.float32 else a, trees)
    assert jax.tree.leaves(fitted(MODEL, ROW, half)["params"])[0].dtype == np.float16
    many = jax.tree.map(lambda a: np.stack([a] * 5), trees)
    assert fitted(MODEL, ROW, many, (5,))["params"]["dense_0"]["kernel"].shape == (5, 3, 2)
    with pytest.raises(ValueError, match="the model knows no row of its inputs"):
        fitted(MODEL, None, {"params": 1})


def test_a_tree_of_ones_own_comes_back_as_it_was():
    @nn.spec
    class Pair:
        def init(self, key, x):
            return (jnp.ones(x.shape[-1]), [jnp.zeros(()), {}]), {}

        def apply(self, params, state, x, *, key=None, train=False, rows=None):
            return (x * params[0][None]).sum(-1) + params[1][0], state

    as_dicts = {"params": {"0": np.ones(3, np.float32), "1": {"0": np.float32(2), "1": {}}}}
    back = fitted(Pair(), ROW, as_dicts)
    assert isinstance(back["params"], tuple) and back["params"][1] == [2, {}] and back["state"] == {}


CHANGES = {
    "params/dense_0/kernel is missing, of which the model needs float32 (3, 2)": lambda t: t["dense_0"].pop("kernel"),
    "params/dense_9 is there, and the model has no place for it": lambda t: t.update(dense_9=np.zeros(2, np.float32)),
    "params/dense_0/bias is float32 (3,) and the model needs float32 (2,)": lambda t: t["dense_0"].update(
        bias=np.zeros(3, np.float32)
    ),
    "params/dense_0/bias is int32 (2,) and the model needs float32 (2,)": lambda t: t["dense_0"].update(
        bias=np.zeros(2, np.int32)
    ),
    "params/dense_0/bias is complex64 (2,) and": lambda t: t["dense_0"].update(bias=np.zeros(2, np.complex64)),
    "params/dense_0/bias is float16 and params/batch_norm_0/bias is float32": lambda t: t["dense_0"].update(
        bias=np.zeros(2, np.float16)
    ),
    "params/dense_0/bias is key<fry> (2,) and": lambda t: t["dense_0"].update(bias=jax.random.split(jax.random.key(0))),
}


@pytest.mark.parametrize("message", CHANGES)
def test_the_first_difference_is_told(trees, message):
    CHANGES[message](trees["params"])
    with pytest.raises(ValueError, match=r"\w") as caught:
        fitted(MODEL, ROW, trees)
    assert str(caught.value).startswith(message)


def test_a_standardiser_of_other_rows_is_refused():
    good = Standardiser(np.zeros(3), np.ones(3))
    check_scaling(good, ROW)
    check_scaling(None, ROW)
    steps = jax.ShapeDtypeStruct((1, 5, 3), jnp.float32), jax.ShapeDtypeStruct((1, 5), jnp.int32)
    check_scaling(Standardiser({"0": np.zeros(3)}, {"0": np.ones(3)}), steps)  # all steps alike
    with pytest.raises(ValueError, match=r"the mean of rows is float64 \(3,\), and the model takes rows \(None,\)"):
        check_scaling(Standardiser({"2": np.zeros(3)}, {"2": np.ones(3)}), steps)
    for off in (
        good._replace(mean=np.zeros(4)),
        good._replace(scale=np.ones(3, int)),
        good._replace(scale=np.ones(())),
    ):
        with pytest.raises(ValueError, match=r"the (mean|scale) of rows is .*, and the model takes rows \(3,\)"):
            check_scaling(off, ROW)


@pytest.mark.parametrize("values", [(0.0, 0.0), (0.0, -1.0), (np.nan, 1.0), (0.0, np.inf)])
def test_a_standardiser_that_scales_nothing_is_refused(values):
    mean, scale = (np.full(3, value) for value in values)
    with pytest.raises(ValueError, match=r"of rows holds .* by which no row is scaled"):
        check_scaling(Standardiser(mean, scale), ROW)


def test_a_standardiser_without_a_mean_is_refused():
    with pytest.raises(ValueError, match="the mean of rows is None"):
        check_scaling(Standardiser(None, np.ones(3)), ROW)


def test_what_is_wider_than_jax_computes_is_told_once():
    wide = {"a": np.ones(2), "b": np.ones(3)}
    with pytest.warns(UserWarning, match=r'm holds float64 .*jax\.config\.update\("jax_enable_x64", True\)') as told:
        warn_narrow("m", wide)
    assert len(told) == 1
    warn_narrow("m", {"a": np.ones(2, np.float32), "k": jax.random.key(0)})
    with jax.enable_x64(True):
        warn_narrow("m", wide)
