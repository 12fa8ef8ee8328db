"""Sequences of different lengths through stacks of recurrent layers, against PyTorch and Keras; edges in time."""

import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn

RNG = np.random.default_rng(0)
LENGTHS = np.array([5, 2, 4])
MASK = np.arange(5)[None] < LENGTHS[:, None]
X = RNG.normal(size=(3, 5, 3)).astype(np.float32)
TAGGER = nn.Sequential(nn.LSTM(4, return_sequences=True), nn.LSTM(4, return_sequences=True), nn.Dense(2))
DIRTY = np.where(MASK[..., None], X, np.nan).astype(np.float32)


def ours():
    """The tagger's outputs in real steps, its parameters and their gradients."""
    shapes, _ = jax.eval_shape(TAGGER.init, jax.random.key(0), X)
    params = jax.tree.map(lambda p: jnp.asarray(RNG.normal(size=p.shape) * 0.5, jnp.float32), shapes)

    def loss(p):
        (y, mask), _ = TAGGER.apply(p, {}, (DIRTY, MASK))
        assert mask.shape == MASK.shape
        return jnp.where(MASK[..., None], jnp.sin(y), 0.0).sum(), y

    grads, y = jax.jit(jax.grad(loss, has_aux=True))(params)
    return params, np.asarray(y)[MASK], grads


def test_a_two_layer_tagger_equals_packed_sequences_of_torch():
    torch = pytest.importorskip("torch")
    params, y, grads = ours()
    theirs, head = torch.nn.LSTM(3, 4, num_layers=2, batch_first=True), torch.nn.Linear(4, 2)
    values = []
    for name in ("lstm_0", "lstm_1"):
        p = params[name]
        values += [p["input"]["kernel"].T, p["recurrent"]["kernel"].T, p["input"]["bias"], np.zeros(16, np.float32)]
    with torch.no_grad():
        for slot, value in zip(theirs.parameters(), values, strict=True):
            slot.copy_(torch.tensor(np.asarray(value)))
        head.weight.copy_(torch.tensor(np.asarray(params["dense_0"]["kernel"].T)))
        head.bias.copy_(torch.tensor(np.asarray(params["dense_0"]["bias"])))
    packed = torch.nn.utils.rnn.pack_padded_sequence(torch.tensor(X), LENGTHS, batch_first=True, enforce_sorted=False)
    out, _ = torch.nn.utils.rnn.pad_packed_sequence(theirs(packed)[0], batch_first=True)
    expected = head(out)[torch.tensor(MASK)]
    expected.sin().sum().backward()
    np.testing.assert_allclose(y, expected.detach(), rtol=1e-5, atol=1e-6)
    slots = [slot.grad.numpy() for slot in theirs.parameters()]
    for i, name in enumerate(("lstm_0", "lstm_1")):
        np.testing.assert_allclose(grads[name]["input"]["kernel"].T, slots[4 * i], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(grads[name]["recurrent"]["kernel"].T, slots[4 * i + 1], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(grads[name]["input"]["bias"], slots[4 * i + 2], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(grads["dense_0"]["kernel"].T, head.weight.grad, rtol=1e-4, atol=1e-5)


def test_a_two_layer_tagger_equals_masking_of_keras():
    os.environ.setdefault("KERAS_BACKEND", "jax")
    keras = pytest.importorskip("keras")
    params, y, _ = ours()
    layers = keras.layers
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        model = keras.Sequential(
            [
                keras.Input((5, 3)),
                layers.Masking(mask_value=9.0),
                layers.LSTM(4, return_sequences=True),
                layers.LSTM(4, return_sequences=True),
                layers.Dense(2),
            ]
        )
        for layer, name in zip(model.layers[-3:-1], ("lstm_0", "lstm_1"), strict=True):
            p = params[name]
            layer.set_weights(
                [np.asarray(v) for v in (p["input"]["kernel"], p["recurrent"]["kernel"], p["input"]["bias"])]
            )
        model.layers[-1].set_weights([np.asarray(params["dense_0"][n]) for n in ("kernel", "bias")])
        expected = np.asarray(model(np.where(MASK[..., None], X, 9).astype(np.float32)))
    np.testing.assert_allclose(y, expected[MASK], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "layer", [nn.SimpleRNN(2, True), nn.LSTM(2, True), nn.GRU(2, True), nn.Bidirectional(nn.GRU(2, True))]
)
def test_no_time_steps_give_none(layer, key):
    params, state = layer.init(key, X)

    def loss(p, x):
        y, _ = layer.apply(p, state, x)
        return y.sum(), y

    grads, y = jax.grad(loss, has_aux=True)(params, X[:, :0])
    assert y.shape == (3, 0, 4 if type(layer) is nn.Bidirectional else 2)
    assert all(not np.asarray(g).any() for g in jax.tree.leaves(grads))
    (y, mask), _ = layer.apply(params, state, (X[:, :0], MASK[:, :0]))
    assert y.shape[1] == mask.shape[1] == 0


def test_forward_mode_is_refused_with_what_to_write(key):
    layer = nn.GRU(2)
    params, _ = layer.init(key, X)
    with pytest.raises(TypeError, match=r"goes backward only.* write jax.grad, jax.vjp or jax.jacrev"):
        jax.jvp(lambda x: layer.apply(params, {}, x)[0], (X,), (X,))
    back = jax.jacrev(lambda x: layer.apply(params, {}, x)[0].sum())(X)
    assert back.shape == X.shape
