"""Bidirectional against PyTorch's bidirectional layers, and with masks against the sequences cut short."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn

UNITS, IN, TIME, BATCH = 4, 3, 5, 2


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(BATCH, TIME, IN)).astype(np.float32)


def test_sequences_equal_torch(x):
    torch = pytest.importorskip("torch")
    layer = nn.Bidirectional(nn.LSTM(UNITS, return_sequences=True))
    params, _ = layer.init(jax.random.key(0), x)
    theirs = torch.nn.LSTM(IN, UNITS, batch_first=True, bidirectional=True)
    slots = dict(theirs.named_parameters())
    with torch.no_grad():
        for name, end in (("forward", ""), ("backward", "_reverse")):
            p = params[name]
            slots[f"weight_ih_l0{end}"].copy_(torch.tensor(np.asarray(p["input"]["kernel"].T)))
            slots[f"weight_hh_l0{end}"].copy_(torch.tensor(np.asarray(p["recurrent"]["kernel"].T)))
            slots[f"bias_ih_l0{end}"].copy_(torch.tensor(np.asarray(p["input"]["bias"])))
            slots[f"bias_hh_l0{end}"].zero_()
    y, _ = layer.apply(params, {}, x)
    np.testing.assert_allclose(y, theirs(torch.tensor(x))[0].detach().numpy(), rtol=1e-5, atol=1e-5)
    last, _ = nn.Bidirectional(nn.LSTM(UNITS)).apply(params, {}, x)
    np.testing.assert_allclose(last, jnp.concatenate([y[:, -1, :UNITS], y[:, 0, UNITS:]], -1), atol=1e-6)


def test_with_a_mask_each_row_is_the_sequence_cut_short(x):
    layer = nn.Bidirectional(nn.GRU(UNITS, return_sequences=True))
    params, _ = layer.init(jax.random.key(0), x)
    mask = jnp.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    (y, handed), _ = layer.apply(params, {}, (x, mask))
    short, _ = layer.apply(params, {}, x[:1, :3])
    np.testing.assert_allclose(y[0, :3], short[0], atol=1e-6)
    assert handed is mask
    last, _ = nn.Bidirectional(nn.GRU(UNITS)).apply(params, {}, (x, mask))
    np.testing.assert_allclose(last[0], nn.Bidirectional(nn.GRU(UNITS)).apply(params, {}, x[:1, :3])[0][0], atol=1e-6)


@pytest.mark.parametrize(
    ("join", "numpy"), [("add", np.add), ("multiply", np.multiply), ("average", lambda a, b: (a + b) / 2)]
)
def test_joins(x, join, numpy):
    params, _ = nn.Bidirectional(nn.GRU(UNITS)).init(jax.random.key(0), x)
    forward, _ = nn.GRU(UNITS).apply(params["forward"], {}, x)
    backward, _ = nn.GRU(UNITS).apply(params["backward"], {}, x[:, ::-1])
    y, _ = nn.Bidirectional(nn.GRU(UNITS), join=join).apply(params, {}, x)
    np.testing.assert_allclose(y, numpy(forward, backward), atol=1e-6)


def test_an_unknown_join_is_refused():
    with pytest.raises(ValueError, match="no join is named 'sum'; choose one of add, multiply"):
        nn.Bidirectional(nn.GRU(2), join="sum")
