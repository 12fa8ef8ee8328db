"""Operations against closed forms, XLA's own cost analysis and the formula of a GPT."""

import jax
import jax.numpy as jnp
import pytest

import jaxnn as nn
from jaxnn.inspect.scale import gpt_flops

KEY = jax.random.key(0, impl="threefry2x32")


def struct(*shape, dtype="float32"):
    return jax.ShapeDtypeStruct(shape, dtype)


def forward(model, x):
    params, state = jax.eval_shape(model.init, KEY, x)
    return nn.flops(lambda p, s, v: model.apply(p, s, v)[0], params, state, x)


@pytest.mark.parametrize(
    ("model", "x", "expected"),
    [
        (nn.Dense(5), struct(3, 4), 2 * 3 * 4 * 5),
        (nn.mlp((100, 100, 100), 1), struct(1, 21), 2 * (21 * 100 + 2 * 100 * 100 + 100)),
        (nn.Conv(6, (5, 5)), struct(2, 28, 28, 3), 2 * 2 * 28 * 28 * 25 * 3 * 6),
        (nn.Conv(6, (3,), strides=2, groups=2, padding="valid"), struct(2, 9, 4), 2 * 2 * 4 * 3 * 2 * 6),
        (nn.DepthwiseConv((3, 3)), struct(2, 8, 8, 4), 2 * 2 * 8 * 8 * 9 * 4),
        (nn.ConvTranspose(3, (2, 2), strides=2), struct(2, 4, 4, 5), 2 * 2 * 4 * 4 * 4 * 5 * 3),
        (nn.Repeat(nn.Dense(4), 7), struct(3, 4), 7 * 2 * 3 * 4 * 4),
        (nn.Repeat(nn.Dense(4), 7, remat="full"), struct(3, 4), 7 * 2 * 3 * 4 * 4),
        (nn.LSTM(3), struct(2, 7, 4), 7 * 2 * 2 * (4 + 3) * 12),
        (nn.Sequential(nn.Dropout(0.5), nn.Activation("gelu"), nn.BatchNorm()), struct(2, 4), 0),
    ],
)
def test_closed_forms(model, x, expected):
    assert forward(model, x) == expected


@pytest.mark.parametrize("recompute", [False, True])
def test_a_training_step_of_a_gpt_costs_the_formula(recompute):
    """Forward, backward and, with rematerialisation, forward again but for the last product of a block."""
    sizes = {"vocab": 50, "context": 8, "width": 16, "heads": 2, "layers": 3}
    model = nn.gpt(**sizes, repeat=True, remat="full" if recompute else None)
    ids = struct(4, 8, dtype="int32")
    params, state = jax.eval_shape(model.init, KEY, ids)
    step = jax.grad(lambda p, v: model.apply(p, state, v)[0].sum())
    spared = 3 * 2 * 4 * 8 * 16 * 64 if recompute else 0  # whose result no gradient needs
    assert nn.flops(step, params, ids) == gpt_flops(4, 3, 16, 50, 8, recompute) - spared


def test_the_largest_gpt_of_the_table_is_counted_from_shapes():
    model = nn.gpt(51200, 2048, 25600, 160, 128, repeat=True)
    ids = struct(1, 2048, dtype="int32")
    h, length, layers, vocab = 25600, 2048, 128, 51200
    assert forward(model, ids) == layers * (24 * length * h * h + 4 * length**2 * h) + 2 * length * h * vocab


@pytest.mark.parametrize(
    ("model", "x"),
    [
        (nn.Sequential(nn.Dense(16, use_bias=False), nn.Dense(8, use_bias=False)), struct(4, 8)),
        (nn.Conv(24, (3, 3), padding="valid", use_bias=False), struct(2, 8, 8, 24)),
    ],
)
def test_equals_xlas_cost_analysis_where_there_is_no_scan(model, x):
    params, state = jax.eval_shape(model.init, KEY, x)
    lowered = jax.jit(lambda p, v: model.apply(p, state, v)[0]).lower(params, x)
    assert forward(model, x) == lowered.cost_analysis()["flops"]


def test_branches_loops_and_inner_functions():
    a = struct(4, 4)
    once = 2 * 4**3
    assert nn.flops(jax.jit(lambda v: jax.jit(jnp.matmul)(v, v) @ v), a) == 2 * once
    assert nn.flops(lambda v: jax.lax.cond(v[0, 0] > 0, lambda u: u @ u, lambda u: u @ u @ u, v), a) == 2 * once
    assert nn.flops(lambda v: jax.lax.fori_loop(0, 5, lambda i, u: u @ v, v), a) == 5 * once
    assert nn.flops(lambda v: jax.lax.while_loop(lambda u: u[0, 0] > 0, lambda u: u @ v, v), a) == once
    assert nn.flops(lambda v: jax.lax.map(lambda r: v @ r, jnp.ones((3, 4))), a) == 3 * 2 * 16
    assert nn.flops(jax.vmap(jnp.matmul), struct(5, 4, 4), struct(5, 4, 4)) == 5 * once
    assert nn.flops(jax.value_and_grad(lambda v: ((v @ v) ** 2).sum()), a) == 3 * once
