"""The recurrent classifier: what it is made of, and lengths through every layer."""

import jax
import numpy as np
import pytest

import jaxnn as nn

X = np.random.default_rng(0).normal(size=(3, 5, 2)).astype(np.float32)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_padding_changes_nothing(cell, bidirectional):
    model = nn.rnn_classifier(4, 3, cell, layers=2, bidirectional=bidirectional)
    mask = (np.arange(5)[None] < np.array([5, 2, 3])[:, None]).astype(np.int32)
    params, state = jax.jit(model.init)(jax.random.key(0), (X, mask))
    apply = jax.jit(model.apply)
    y, _ = apply(params, state, (X, mask))
    assert y.shape == (3, 3)
    for row, length in enumerate((5, 2, 3)):
        alone, _ = apply(params, state, X[row : row + 1, :length])
        np.testing.assert_allclose(y[row], alone[0], atol=1e-6)


def test_what_it_is_made_of():
    assert nn.rnn_classifier(4, 3, layers=2, dropout=0.1) == nn.Sequential(
        nn.LSTM(4, return_sequences=True), nn.LSTM(4, dropout=0.1), nn.Dropout(0.1), nn.Dense(3)
    )


@pytest.mark.parametrize(("arguments", "words"), [({"cell": "rwkv"}, "choose one of"), ({"layers": 0}, "layers=2")])
def test_errors_show_the_call_to_write(arguments, words):
    with pytest.raises(ValueError, match=words):
        nn.rnn_classifier(4, 3, **arguments)
