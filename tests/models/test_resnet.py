"""Residual networks: the published numbers of parameters, and their sum against PyTorch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.core.tree import count, member

KEY = jax.random.key(0, impl="threefry2x32")

PUBLISHED = [
    (18, 1000, 224, None, 11_689_512),
    (34, 1000, 224, None, 21_797_672),
    (50, 1000, 224, None, 25_557_032),
    (101, 1000, 224, None, 44_549_160),
    (152, 1000, 224, None, 60_192_808),
    (18, 10, 32, "small", 11_173_962),
]


@pytest.mark.parametrize(("depth", "out", "size", "stem", "parameters"), PUBLISHED)
def test_parameters_are_those_of_torchvision(depth, out, size, stem, parameters):
    model = nn.resnet(depth, out, stem)
    x = jax.ShapeDtypeStruct((2, size, size, 3), jnp.float32)
    params, state = jax.eval_shape(model.init, KEY, x)
    assert count(params) == parameters
    assert jax.eval_shape(model.apply, params, state, x)[0].shape == (2, out)


@pytest.mark.parametrize("n", [3, 5, 9])
def test_the_small_networks_have_as_many_parameters_as_their_layers(n):
    first = 9 * 3 * 16 + 32
    stages = sum(2 * n * (9 * w * w + 2 * w) for w in (16, 32, 64))
    halved = sum(-9 * w * w + 9 * w * w // 2 + w * w // 2 + 2 * w for w in (32, 64))
    params, _ = jax.eval_shape(nn.resnet(6 * n + 2, 10).init, KEY, jax.ShapeDtypeStruct((1, 32, 32, 3), jnp.float32))
    assert count(params) == first + stages + halved + 64 * 10 + 10


def test_the_program_does_not_grow_with_depth():
    x = jax.ShapeDtypeStruct((2, 8, 8, 3), jnp.float32)

    def lines(depth):
        model = nn.resnet(depth, 10)
        params, state = jax.eval_shape(model.init, KEY, x)
        return jax.jit(model.apply).lower(params, state, x).as_text().count("\n")

    assert lines(110) == lines(32)


@pytest.mark.parametrize(("depth", "stem"), [(14, None), (18, "large")])
def test_equals_the_same_network_in_torch(depth, stem):
    torch = pytest.importorskip("torch")
    nchw = (0, 3, 1, 2)
    x = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype(np.float32)
    model = nn.resnet(depth, 5, stem)
    params, state = jax.jit(model.init)(KEY, x)
    draw = np.random.default_rng(1)
    state = jax.tree.map(lambda a: a if a.ndim < 1 else draw.uniform(0.5, 1.5, a.shape).astype(np.float32), state)

    def conv(v, p, stride):
        kernel = torch.tensor(np.asarray(p["kernel"]).transpose(3, 2, 0, 1).copy())
        return torch.nn.functional.conv2d(v, kernel, stride=stride, padding=kernel.shape[-1] // 2)

    def norm(v, p, s):
        t = [torch.tensor(np.asarray(a)) for a in (s["mean"], s["var"], p["scale"], p["bias"])]
        return torch.nn.functional.batch_norm(v, *t, eps=1e-5)

    def path(v, p, s, stride):
        v = norm(conv(v, p["conv_0"], stride), p["batch_norm_0"], s["batch_norm_0"]).relu()
        return norm(conv(v, p["conv_1"], 1), p["batch_norm_1"], s["batch_norm_1"])

    v = conv(torch.tensor(x.transpose(nchw).copy()), params["conv_0"], 2 if stem == "large" else 1)
    v = norm(v, params["batch_norm_0"], state["batch_norm_0"]).relu()
    if stem == "large":
        v = torch.nn.functional.max_pool2d(v, 3, 2, 1)
    stages = 4 if depth == 18 else 3
    for stage in range(stages):
        blocks = 2
        if stage:
            p, s = params[f"parallel_{stage - 1}"], state[f"parallel_{stage - 1}"]
            short = conv(v, p["sequential_1"]["conv_0"], 2)
            short = norm(short, p["sequential_1"]["batch_norm_0"], s["sequential_1"]["batch_norm_0"])
            v = (path(v, p["sequential_0"], s["sequential_0"], 2) + short).relu()
            blocks = 1
        for i in range(blocks):
            p, s = (
                member(t[f"repeat_{stage}"], i)["sequential_0"]["residual_0"]["sequential_0"] for t in (params, state)
            )
            v = (path(v, p, s, 1) + v).relu()
    v = v.mean((2, 3)) @ torch.tensor(np.asarray(params["dense_0"]["kernel"]))
    y, _ = jax.jit(model.apply)(params, state, x)
    np.testing.assert_allclose(y, v.numpy(), rtol=1e-4, atol=1e-4)


def test_depths_and_stems_that_do_not_exist_are_told():
    with pytest.raises(ValueError, match=r"depth 19; write one of 18, 34, 50"):
        nn.resnet(19, 10)
    with pytest.raises(ValueError, match="stem must be"):
        nn.resnet(20, 10, stem="tiny")
