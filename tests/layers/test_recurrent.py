"""SimpleRNN, LSTM and GRU against PyTorch and Flax with the same parameters, forward and gradient."""

import functools

import flax.linen as linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.layers.dropout_mask import keep_mask

UNITS, IN, TIME, BATCH = 5, 3, 6, 4
LAYERS = {"SimpleRNN": nn.SimpleRNN, "LSTM": nn.LSTM, "GRU": nn.GRU}
GATES = {"SimpleRNN": 1, "LSTM": 4, "GRU": 3}


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(BATCH, TIME, IN)).astype(np.float32)


def drawn(name, x, seed=0):
    """Parameters of a layer, all of them random."""
    params, _ = jax.eval_shape(LAYERS[name](UNITS).init, jax.random.key(0), x)
    draw = np.random.default_rng(seed)
    return jax.tree.map(lambda p: jnp.asarray(draw.normal(size=p.shape) * 0.5, jnp.float32), params)


def value_and_grads(name, params, x, sequences, weight):
    """The outputs, and the gradients of their weighted sum by parameters and inputs."""
    layer = LAYERS[name](UNITS, return_sequences=sequences)

    def loss(p, x):
        y, _ = layer.apply(p, {}, x)
        return (y * weight).sum(), y

    grads, y = jax.jit(jax.grad(loss, (0, 1), has_aux=True))(params, x)
    return y, *grads


@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_equals_torch(name, x, sequences):
    torch = pytest.importorskip("torch")
    params = drawn(name, x)
    weight = np.random.default_rng(1).normal(size=(BATCH, TIME, UNITS)).astype(np.float32)
    weight = weight if sequences else weight[:, -1]
    y, grads, to_x = value_and_grads(name, params, x, sequences, weight)

    kind = {"SimpleRNN": torch.nn.RNN, "LSTM": torch.nn.LSTM, "GRU": torch.nn.GRU}[name]
    theirs = kind(IN, UNITS, batch_first=True)
    extra = np.zeros(GATES[name] * UNITS, np.float32)
    if name == "GRU":
        extra[2 * UNITS :] = params["recurrent"]["bias"]
    values = [params["input"]["kernel"].T, params["recurrent"]["kernel"].T, params["input"]["bias"], extra]
    with torch.no_grad():
        for slot, value in zip(theirs.parameters(), values, strict=True):
            slot.copy_(torch.tensor(np.asarray(value)))
    inputs = torch.tensor(x, requires_grad=True)
    outputs = theirs(inputs)[0] if sequences else theirs(inputs)[0][:, -1]
    (outputs * torch.tensor(weight)).sum().backward()

    expected = [slot.grad.numpy() for slot in theirs.parameters()]
    close(y, outputs.detach().numpy())
    close(to_x, inputs.grad.numpy())
    close(grads["input"]["kernel"], expected[0].T)
    close(grads["recurrent"]["kernel"], expected[1].T)
    close(grads["input"]["bias"], expected[2])
    if name == "GRU":
        close(grads["recurrent"]["bias"], expected[3][2 * UNITS :])


def flax_params(name, params):
    """The same parameters under the names of Flax's cells."""
    wi, bi, wh = params["input"]["kernel"], params["input"]["bias"], params["recurrent"]["kernel"]
    if name == "SimpleRNN":
        return {"i": {"kernel": wi, "bias": bi}, "h": {"kernel": wh}}
    out = {}
    for k, gate in enumerate({"LSTM": "ifgo", "GRU": "rzn"}[name]):
        block = slice(k * UNITS, (k + 1) * UNITS)
        out[f"i{gate}"] = {"kernel": wi[:, block]} | ({"bias": bi[block]} if name == "GRU" else {})
        out[f"h{gate}"] = {"kernel": wh[:, block]} | ({"bias": bi[block]} if name == "LSTM" else {})
    if name == "GRU":
        out["hn"]["bias"] = params["recurrent"]["bias"]
    return out


def flax_layer(name):
    kind = {"SimpleRNN": linen.SimpleCell, "LSTM": linen.LSTMCell, "GRU": linen.GRUCell}[name]
    return linen.RNN(kind(UNITS), return_carry=True)


@pytest.mark.parametrize("name", LAYERS)
def test_equals_flax_with_lengths(name, x):
    params, lengths = drawn(name, x), np.array([6, 1, 4, 3])
    mask = (np.arange(TIME)[None] < lengths[:, None]).astype(np.int32)
    weight = np.random.default_rng(1).normal(size=(BATCH, UNITS)).astype(np.float32)

    def ours(p, x):
        y, _ = LAYERS[name](UNITS).apply(p, {}, (x, mask))
        return (y * weight).sum(), y

    def flax(p, x):
        carry, _ = flax_layer(name).apply({"params": {"cell": flax_params(name, p)}}, x, seq_lengths=lengths)
        last = carry[1] if name == "LSTM" else carry
        return (last * weight).sum(), last

    (expected, expected_x), last = jax.jit(jax.grad(flax, (0, 1), has_aux=True))(params, x)
    (grads, to_x), y = jax.jit(jax.grad(ours, (0, 1), has_aux=True))(params, x)
    close(y, last)
    close(to_x, expected_x)
    jax.tree.map(close, grads, expected)


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", LAYERS)
def test_mask_holds_the_state_and_is_handed_on(name, x):
    params = drawn(name, x)
    layer = LAYERS[name](UNITS, return_sequences=True)
    mask = jnp.array([[1, 1, 0, 0, 1, 0], [0, 0, 0, 0, 0, 0], [0, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1]])
    (y, handed), _ = layer.apply(params, {}, (x, mask))
    short, _ = jax.jit(layer.apply)(params, {}, x[:1, np.array([0, 1, 4])])
    assert handed is mask
    close(y[0], short[0][np.array([0, 1, 1, 1, 2, 2])])
    np.testing.assert_array_equal(y[1], np.zeros((TIME, UNITS)))
    stacked = nn.Sequential(layer, LAYERS[name](2))
    more, _ = jax.jit(stacked.init)(jax.random.key(1), (x, mask))
    last, _ = jax.jit(stacked.apply)(more, {}, (x, mask))
    alone, _ = jax.jit(stacked.apply)(more, {}, x[:1, np.array([0, 1, 4])])
    close(last[:1], alone)


@pytest.mark.parametrize("name", LAYERS)
def test_recurrent_dropout_has_one_mask_over_time(name, x):
    """With the drawn mask put into the rows of the kernel by hand, the plain layer gives the same."""
    params, key = drawn(name, x), jax.random.key(3)
    layer = LAYERS[name](UNITS, recurrent_dropout=0.5)
    y, _ = jax.jit(functools.partial(layer.apply, train=True))(params, {}, x, key=key)
    plain = jax.jit(LAYERS[name](UNITS).apply)
    keep = keep_mask(jax.random.split(key)[1], jnp.float32(0.5), (UNITS, BATCH)).astype(jnp.float32)
    assert 0 < keep.mean() < 1
    for row in range(BATCH):
        kernel = params["recurrent"]["kernel"] * keep[:, row, None] * 2
        alone = {**params, "recurrent": {**params["recurrent"], "kernel": kernel}}
        close(y[row], plain(alone, {}, x[row : row + 1])[0][0])


def test_input_dropout_has_one_mask_over_time(x):
    params = drawn("LSTM", x)
    y, _ = nn.LSTM(UNITS, dropout=0.5).apply(params, {}, x, key=jax.random.key(3), train=True)
    keep = keep_mask(jax.random.split(jax.random.key(3))[0], jnp.float32(0.5), (BATCH, 1, IN)).astype(jnp.float32)
    close(y, nn.LSTM(UNITS).apply(params, {}, x * keep * 2)[0])


@pytest.mark.parametrize("name", LAYERS)
def test_second_derivatives(name, x):
    """Reverse over reverse, as the gradient through a training run needs it, against differences in float64."""
    with jax.enable_x64(True):
        params = jax.tree.map(lambda p: p.astype(np.float64), drawn(name, x))
        wide, way = (
            x[:2, :3].astype(np.float64),
            jax.tree.map(lambda p: np.cos(np.arange(p.size)).reshape(p.shape), params),
        )
        layer = LAYERS[name](UNITS)

        @jax.jit
        def slope(t):
            moved = jax.tree.map(lambda p, w: p + t * w, params, way)
            return sum(
                (g**2).sum() for g in jax.tree.leaves(jax.grad(lambda p: layer.apply(p, {}, wide)[0].sum())(moved))
            )

        step = 1e-5
        numeric = (slope(step) - slope(-step)) / (2 * step)
        np.testing.assert_allclose(jax.jit(jax.grad(slope))(0.0), numeric, rtol=1e-6)


def test_the_weight_gradient_is_no_sum_inside_the_scan(x):
    """The backward scan carries the state's gradient and no array of the kernel's shape."""
    params = drawn("LSTM", x)
    jaxpr = jax.make_jaxpr(jax.grad(lambda p: nn.LSTM(UNITS).apply(p, {}, x)[0].sum()))(params)
    scans = [eqn for eqn in inner(jaxpr.jaxpr) if eqn.primitive.name == "scan"]
    assert len(scans) == 2
    for scan in scans:
        shapes = [v.aval.shape for v in scan.outvars]
        assert (UNITS, 4 * UNITS) not in shapes
        assert sum(e.primitive.name == "dot_general" for e in scan.params["jaxpr"].jaxpr.eqns) == 1


def inner(jaxpr):
    for eqn in jaxpr.eqns:
        yield eqn
        for value in eqn.params.values():
            sub = getattr(value, "jaxpr", None)
            if sub is not None and eqn.primitive.name != "scan":
                yield from inner(sub)


def test_forget_bias_and_orthogonal_gates(key, x):
    params, _ = nn.LSTM(UNITS, forget_bias=2.0).init(key, x)
    np.testing.assert_array_equal(params["input"]["bias"], np.repeat([0, 2, 0, 0], UNITS))
    for gate in np.split(np.asarray(params["recurrent"]["kernel"]), 4, axis=1):
        np.testing.assert_allclose(gate @ gate.T, np.eye(UNITS), atol=1e-5)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: nn.LSTM(0), r"write LSTM\(64\)"),
        (lambda: nn.GRU(4, dropout=1.0), r"write GRU\(64, dropout=0.2\)"),
        (lambda: nn.SimpleRNN(4, recurrent_dropout=-1.0), r"SimpleRNN\(64, recurrent_dropout=0.2\)"),
        (lambda: nn.LSTM(4).init(jax.random.key(0), jnp.ones((2, 3))), r"got \(2, 3\); write x\[..., None\]"),
        (
            lambda: nn.LSTM(4).init(jax.random.key(0), (jnp.ones((2, 3, 1)), jnp.ones((3, 2)))),
            r"mask \(3, 2\); write \(x, mask\) with a mask of shape \(2, 3\)",
        ),
    ],
)
def test_errors_show_the_call_to_write(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_whether_sequences_return_is_true_or_false():
    with pytest.raises(ValueError, match=r"return_sequences must be True or False, got .*; write LSTM\(64, return_seq"):
        nn.LSTM(3, return_sequences="print('hello') or True")
