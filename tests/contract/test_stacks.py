"""Random stacks of layers: promised shapes are real, summaries count what is initialised, JSON and eval_shape hold."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import jaxnn as nn
from jaxnn.core.tree import count

KEY = jax.random.key(0, impl="threefry2x32")
RATE = st.floats(0.0, 0.9)
EPS = st.floats(1e-6, 0.1)
SMALL = st.integers(1, 4)
WORDS = st.sampled_from(["same", "valid"])
ACTIVATION = st.sampled_from([None, "relu", "tanh", "gelu"])
PAIR = st.one_of(st.integers(1, 2), st.tuples(st.integers(1, 2), st.integers(1, 2)))

ANYWHERE = st.one_of(
    st.builds(nn.Dense, SMALL, ACTIVATION, st.booleans()),
    st.builds(nn.Dropout, RATE),
    st.builds(nn.Activation, st.sampled_from(["relu", "softmax", "silu"])),
    st.builds(nn.BatchNorm, RATE, EPS, st.booleans(), st.booleans()),
    st.builds(nn.LayerNorm, EPS, st.booleans(), st.booleans()),
    st.builds(nn.RMSNorm, EPS),
    st.builds(nn.GroupNorm, st.just(1), EPS),
    st.builds(lambda n, a: nn.Parallel(nn.Dense(n, a), nn.Sequential(), join="concat"), SMALL, ACTIVATION),
    st.builds(
        lambda n, rate: nn.Parallel(nn.Dense(n), nn.Sequential(nn.Dropout(rate), nn.Dense(n)), join="add"), SMALL, RATE
    ),
    st.builds(
        lambda n, d, r: nn.Sequential(nn.Dense(n), nn.Repeat(nn.Residual(nn.Dense(n, "tanh")), d, r)),
        SMALL,
        SMALL,
        st.sampled_from([None, "full", "dots"]),
    ),
    st.builds(
        lambda n: nn.Graph(("a", nn.Dense(n), "x"), ("b", nn.Dense(n), "a"), ("c", nn.Join(), ("a", "b"))), SMALL
    ),
)
IMAGES = st.one_of(
    st.builds(
        nn.Conv, SMALL, PAIR, PAIR, st.integers(1, 2), padding=st.sampled_from(["same", 1]), activation=ACTIVATION
    ),
    st.builds(nn.Conv, st.sampled_from([2, 17]), st.just((1, 1)), PAIR, padding=st.just("valid")),
    st.builds(nn.DepthwiseConv, PAIR, multiplier=st.integers(1, 2)),
    st.builds(nn.ConvTranspose, SMALL, PAIR, st.integers(1, 2), padding=WORDS),
    st.builds(nn.MaxPool, PAIR, padding=st.just("same")),
    st.builds(nn.AvgPool, PAIR, PAIR, padding=st.just("same")),
    ANYWHERE,
)
ENDS = st.sampled_from([(), (nn.Flatten(),), (nn.GlobalMaxPool(),), (nn.GlobalAvgPool(), nn.Dense(2))])


@st.composite
def stacks(draw):
    size = draw(st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 3)))
    layers = draw(st.lists(IMAGES, max_size=4))
    flat = draw(st.lists(ANYWHERE, max_size=2))
    return nn.Sequential(*layers, *draw(ENDS), *flat), size


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(stacks(), st.integers(1, 3))
def test_a_stack_keeps_its_promises(stack, rows):
    model, size = stack
    x = jax.ShapeDtypeStruct((rows, *size), jnp.float32)
    live = len(jax.live_arrays())
    params, state = jax.eval_shape(model.init, KEY, x)
    table = nn.summary(model, x)
    assert len(jax.live_arrays()) == live, "shapes alone must allocate nothing"
    made_params, made_state = jax.jit(model.init)(KEY, x)
    same = lambda a, b: (a.shape, a.dtype) == (b.shape, b.dtype)  # noqa: E731
    assert jax.tree.all(jax.tree.map(same, (params, state), (made_params, made_state)))
    assert table.params == sum(row.params for row in table.rows) == count(made_params)
    assert table.flops == sum(row.flops for row in table.rows)
    for train in (False, True):
        run = lambda p, s, v, train=train: model.apply(p, s, v, key=KEY, train=train)  # noqa: E731
        promised = jax.eval_shape(run, params, state, x)
        real = jax.jit(run)(made_params, made_state, np.zeros(x.shape, np.float32))
        assert jax.tree.all(jax.tree.map(same, promised, real))
    assert table.shape == real[0].shape
    text = nn.to_json(model)
    assert nn.from_json(text) == model
    assert nn.to_json(nn.from_json(text)) == text
