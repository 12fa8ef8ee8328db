"""ONNX files answer as the model does: every model and every layer, for any number of rows."""

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import pytest
from flax import linen

import jaxnn as nn
from jaxnn.export.forward import forward
from jaxnn.export.onnx import model_of as graph_of
from jaxnn.export.onnx import runs
from jaxnn.interop.flax import from_linen
from tests.export.cases import ALL, ROWS, answers, close, floats, made, model_of, named


@pytest.fixture
def answer(tmp_path):
    """Export and run again by ONNX Runtime."""

    def answer(model, x, **how):
        run = runs(nn.export(model, "onnx", tmp_path / "model.onnx", **how))
        return [run(**named(model, x, rows)) for rows in (ROWS, 5, 1)]

    return answer


@pytest.mark.parametrize("name", ALL)
def test_the_runtime_answers_as_the_model_for_100_5_and_1_rows(name, answer):
    model, x, wanted = made(name)
    for found in answer(model, x, output="outputs"):
        (found,) = found.values()
        assert found.dtype == wanted.dtype == np.float32
        close(found, wanted[: len(found)])


def inside(function, *shapes):
    """A model whose only layer is a function."""
    x = floats(*shapes)
    model = model_of(nn.Lambda(function), x)
    return model, x


OPERATIONS = {
    "logarithms of what is near 1": lambda x: jnp.log1p(jnp.abs(x) * 1e-4) + jnp.expm1(x * 1e-3),
    "far out": lambda x: jnp.expm1(x) + jnp.log1p(jnp.exp(x)) + jnp.cbrt(x),
    "rounding": lambda x: jnp.round(x) + jnp.floor(x) + jnp.ceil(x) + jnp.sign(x) + jnp.trunc(x),
    "whole numbers": lambda x: (x.astype(jnp.int32) // jnp.int32(2) % jnp.int32(3)).astype(jnp.float32),
    "comparisons": lambda x: jnp.where((x > 0) & ~(x >= 1) | (x != x), x, -x),
    "sums along an axis": lambda x: jnp.cumsum(x, 1) + x.prod(1, keepdims=True).repeat(4, 1) + x.min(1, keepdims=True),
    "places": lambda x: jnp.stack([x.argmax(1), x.argmin(1)], 1).astype(jnp.float32),
    "any and all": lambda x: jnp.stack([(x > 1).any(1), (x > -1).all(1)], 1).astype(jnp.float32),
    "turned and padded": lambda x: jnp.pad(jnp.flip(x, 1), ((0, 0), (1, 2)), constant_values=2.0)[:, ::2],
    "picked": lambda x: x[:, jnp.array([2, 0, 2])] + jnp.take(x, jnp.array([1]), axis=1),
    "a branch for each platform": lambda x: jax.lax.platform_dependent(x, cpu=jnp.sin, default=lambda x: jnp.sin(x)),
    "a loop without rows": lambda x: jax.lax.fori_loop(0, 3, lambda i, a: a * jnp.float32(0.5) + i, x),
    "a loop backward": lambda x: jax.lax.scan(lambda c, a: (c + a, c * a), x[:, 0], x.T, reverse=True)[1].T,
    "a choice": lambda x: jax.lax.cond(x.sum() > 0, jnp.sin, jnp.cos, x),
    "products of several axes": lambda x: jnp.einsum("bij,bkj,jl->bikl", *[x.reshape(-1, 2, 2)] * 2, jnp.eye(2)),
    "bfloat16": lambda x: (x.astype(jnp.bfloat16) * jnp.bfloat16(1)).astype(jnp.float32),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_of_a_layer_of_ones_own(name, answer):
    function = OPERATIONS[name]
    model, x = inside(function, 4)
    (found,) = answer(model, x)[0].values()
    wanted = np.asarray(jax.jit(function)(x))
    near = 0.01 if name == "bfloat16" else 1e-5  # which the file computes in float32
    np.testing.assert_allclose(found, wanted, rtol=near, atol=near)


@pytest.mark.parametrize("window", ["max", "sum"])
def test_windows_of_lax(window, answer):
    start, join = (-jnp.inf, jax.lax.max) if window == "max" else (0.0, jax.lax.add)
    pads = ((0, 0), (1, 0), (0, 1), (0, 0))

    def pool(x):
        return jax.lax.reduce_window(x, start, join, (1, 3, 2, 1), (1, 2, 1, 1), pads)

    model, x = inside(pool, 5, 4, 2)
    (found,) = answer(model, x)[0].values()
    close(found, jax.jit(pool)(x))


@jax.numpy_dtype_promotion("standard")  # which Flax's pooling needs
def test_a_module_of_flax(answer):
    class Net(linen.Module):
        @linen.compact
        def __call__(self, x):
            x = linen.max_pool(linen.relu(linen.Conv(4, (3, 3))(x)), (2, 2), strides=(2, 2))
            return linen.Dense(3)(linen.avg_pool(x, (2, 2)).reshape(x.shape[0], -1))

    x = floats(8, 8, 2)
    model = model_of(from_linen(Net()), x)
    for found in answer(model, x):
        close(found["predictions"], answers(model, x)[: len(found["predictions"])])


def test_nodes_and_weights_have_the_names_of_the_layers():
    x = floats(4)
    graph = graph_of(forward(model_of(nn.mlp((8,), out=3), x))).graph
    assert [(i.name, i.type.tensor_type.shape.dim[0].dim_param) for i in graph.input] == [("x", "batch")]
    assert {"dense_0/kernel", "dense_0/bias", "dense_1/kernel"} <= {i.name for i in graph.initializer}
    assert [n.op_type for n in graph.node] == ["MatMul", "Add", "Relu", "MatMul", "Add", "Identity"]
    assert graph.node[0].name.startswith("dense_0/")


def test_an_operation_without_a_form_names_the_layer_and_the_way_out(tmp_path):
    x = floats(4)
    model = model_of(nn.Sequential(nn.Dense(4), nn.Lambda(lambda x: jnp.sort(x, axis=1))), x)
    with pytest.raises(ValueError, match=r"lambda_0.*'sort' has no form in ONNX here; write .*stablehlo"):
        nn.export(model, "onnx", tmp_path / "model.onnx")
    assert not [*tmp_path.iterdir()]


def test_a_file_that_is_damaged_or_not_there_is_told(tmp_path):
    with pytest.raises(ValueError, match="there is no file"):
        runs(tmp_path / "nowhere.onnx")
    path = nn.export(model_of(nn.Dense(2), floats(4)), "onnx", tmp_path / "model.onnx")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match="damaged or no ONNX file"):
        runs(path)


def test_more_weights_than_a_file_holds_are_refused(monkeypatch, tmp_path):
    monkeypatch.setattr("jaxnn.export.onnx.LIMIT", 10)
    with pytest.raises(ValueError, match='GB of weights are more than an ONNX file holds; write "stablehlo"'):
        nn.export(model_of(nn.Dense(2), floats(4)), "onnx", tmp_path / "model.onnx")


def test_the_file_is_of_an_opset_that_many_read(tmp_path):
    path = nn.export(model_of(nn.Dense(2), floats(4)), "onnx", tmp_path / "model")
    model = onnx.load(path)
    assert path.name == "model.onnx" and [o.version for o in model.opset_import] == [18] and model.ir_version == 9
