"""The table of a model: paths, shapes, parameters, operations, text and HTML."""

import jax
import jax.numpy as jnp
import pytest

import jaxnn as nn
from jaxnn.core.tree import count, path_of
from jaxnn.layers.convolve import convolve

KEY = jax.random.key(0, impl="threefry2x32")


def struct(*shape, dtype="float32"):
    return jax.ShapeDtypeStruct(shape, dtype)


MODELS = [
    (nn.lenet(10), struct(4, 28, 28, 1)),
    (nn.resnet(20, 10), struct(1, 32, 32, 3)),
    (nn.gpt(30, 16, 8, 2, 3), struct(2, 16, dtype="int32")),
    (nn.gpt(30, 16, 8, 2, 3, repeat=True, tied=False), struct(2, 16, dtype="int32")),
    (nn.Sequential(nn.Embed(9, 4), nn.Bidirectional(nn.LSTM(3)), nn.Dense(2)), struct(2, 7, dtype="int32")),
    (nn.Repeat(nn.Residual(nn.Repeat(nn.Dense(3), 2)), 5), struct(2, 3)),
    (nn.Dense(4), struct(2, 3)),
]


@pytest.mark.parametrize(("model", "x"), MODELS, ids=lambda v: type(v).__name__)
def test_rows_add_up_to_what_is_initialised(model, x):
    before = len(jax.live_arrays())
    table = nn.summary(model, x)
    assert len(jax.live_arrays()) == before
    params, state = jax.eval_shape(model.init, KEY, x)
    assert sum(row.params for row in table.rows) == table.params == count(params)
    assert table.state == count(state)
    assert sum(row.flops for row in table.rows) == table.flops
    assert table.flops == nn.flops(lambda p, s, v: model.apply(p, s, v)[0], params, state, x)
    assert table.shape == jax.eval_shape(model.apply, params, state, x)[0].shape


@pytest.mark.parametrize(("model", "x"), MODELS[:6], ids=lambda v: type(v).__name__)
def test_paths_are_those_of_the_parameters(model, x):
    params, _ = jax.eval_shape(model.init, KEY, x)
    sizes = {path_of(path): leaf.size for path, leaf in jax.tree_util.tree_flatten_with_path(params)[0]}
    rows = [row for row in nn.summary(model, x).rows if row.params]
    for row in rows:
        here = f"{row.path}/" if row.path else ""
        inner = tuple(f"{r.path}/" for r in rows if r.path != row.path and r.path.startswith(here))
        assert row.params == sum(n for p, n in sizes.items() if p.startswith(here) and not p.startswith(inner)), row


def test_rows_of_one_layer_say_what_it_is():
    rows = {row.path: row for row in nn.summary(*MODELS[0]).rows}
    assert rows["conv_1"] == ("conv_1", "Conv", (4, 14, 14, 16), 1, 25 * 6 * 16 + 16, 2 * 4 * 14 * 14 * 25 * 6 * 16)
    assert rows["max_pool_0"] == ("max_pool_0", "MaxPool", (4, 14, 14, 6), 1, 0, 0)


def test_a_block_runs_as_often_as_it_is_repeated():
    (row,) = nn.summary(*MODELS[5]).rows
    assert row == ("residual_0/repeat_0/dense_0", "Dense", (2, 3), 10, 10 * 12, 10 * 2 * 2 * 3 * 3)


def test_text_and_html():
    model = nn.Graph(("a", nn.Dense(3), "x"), outputs=("a",))
    table = nn.summary(model, struct(2, 3))
    lines = str(table).splitlines()
    assert lines[0].split() == ["path", "layer", "output", "times", "parameters", "operations"]
    assert lines[2].split() == ["a", "Dense", "(2,", "3)", "1", "12", "36"]
    assert lines[-1].split() == ["total", "a", "(2,", "3)", "12", "36"]
    assert repr(table) == str(table)
    page = table._repr_html_()
    assert page.startswith("<table>")
    assert page.count("<tr>") == 3
    assert ">Dense</td>" in page
    wide = nn.summary(nn.Dense(4000), struct(1, 1000))
    assert "4,004,000" in str(wide)
    assert "8,000,000" in wide._repr_html_()


def test_what_does_not_fit_is_told():
    with pytest.raises(ValueError, match=r"conv_0: Conv .*\(2, 8\)"):
        nn.summary(nn.lenet(10), struct(2, 8))
    with pytest.raises(TypeError, match="summary takes a model"):
        nn.summary(nn.Dense, struct(2, 8))


def test_the_model_is_as_it_was_and_runs_as_it_did():
    model, x = nn.lenet(2, filters=(2,), hidden=(3,)), jnp.ones((1, 8, 8, 1))
    before = nn.to_json(model)
    nn.summary(model, x)
    assert nn.to_json(model) == before
    run = jax.jit(lambda v: convolve(v, jnp.ones((3, 3, 1, 2)), (1, 1), ((1, 1), (1, 1)), (1, 1)))
    assert "convolution" not in run.trace(x).lower(lowering_platforms=("cpu",)).as_text()
