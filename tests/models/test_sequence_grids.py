"""Models of sequences train in a grid whose members differ in every number that shapes nothing."""

import numpy as np
import optax
import pytest

import jaxnn as nn

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(12, 4, 3)).astype(np.float32)
LENGTHS = (np.arange(4)[None] < DRAW.integers(1, 5, (12, 1))).astype(np.int32)
Y = (X.sum((1, 2)) > 0).astype(np.int32)
IDS = DRAW.integers(0, 5, (12, 5)).astype(np.int32)


def recurrent(lr, dropout, recurrent_dropout):
    model = nn.Sequential(nn.GRU(3, dropout=dropout, recurrent_dropout=recurrent_dropout), nn.Dense(2))
    return nn.Trial(model, "softmax_cross_entropy", optax.sgd(lr))


def bidirectional(lr, dropout, forget_bias):
    model = nn.Sequential(nn.Bidirectional(nn.LSTM(2, dropout=dropout, forget_bias=forget_bias)), nn.Dense(2))
    return nn.Trial(model, "softmax_cross_entropy", optax.sgd(lr))


def encoder(lr, dropout, eps):
    model = nn.transformer_encoder(4, 2, 1, 2, dropout, hidden=4, eps=eps)
    return nn.Trial(model, "softmax_cross_entropy", optax.adam(lr))


def decoder(lr, dropout, init_std):
    model = nn.gpt(5, 4, 4, 2, 2, dropout, hidden=4, init_std=init_std, repeat=True)
    return nn.Trial(model, "softmax_cross_entropy", optax.adam(lr))


def centred(x):
    return x - x.mean(-1, keepdims=True)


def words(lr, dropout, eps):
    mixed = nn.Sequential(nn.Attention(2, dropout=dropout, causal=True), nn.LayerNorm(eps))
    layers = [nn.Embed(5, 4), nn.LearnedPositions(4), nn.Residual(mixed), nn.SimpleRNN(3, dropout=dropout)]
    model = nn.Sequential(*layers, nn.Lambda(centred), nn.Activation("tanh"), nn.Dense(2))
    return nn.Trial(model, "softmax_cross_entropy", optax.adam(lr))


CASES = [
    (words, (IDS[:, :-1], Y), {"dropout": [0.1, 0.3], "eps": [1e-3]}),
    (recurrent, (X, Y), {"dropout": [0.1, 0.3], "recurrent_dropout": [0.2]}),
    (bidirectional, (X, Y), {"dropout": [0.0], "forget_bias": [0.5, 1.0]}),
    (encoder, (X, Y), {"dropout": [0.1, 0.3], "eps": [1e-3]}),
    (decoder, (IDS[:, :-1], IDS[:, 1:]), {"dropout": [0.2], "init_std": [0.02, 0.3]}),
]


@pytest.mark.parametrize(("trial", "data", "space"), CASES, ids=[case[0].__name__ for case in CASES])
def test_four_members_of_one_structure_are_their_fits(trial, data, space):
    options = {"epochs": 2, "batch_size": 5, "progress": False}
    runs = nn.grid(trial, data, {"lr": [0.01, 0.1], **space}, **options)
    assert len(runs) == 4
    assert runs.n_compiles == 2  # one program starts them, one trains them
    last = [float(run.history["loss"][-1]) for run in runs]
    assert np.isfinite(last).all()
    assert len(set(last)) == 4
    alone = nn.fit(trial, data, runs[3].hparams, **options)
    np.testing.assert_allclose(last[3], alone.history["loss"][-1], rtol=1e-4)


def test_sequences_with_masks_train():
    """A tuple of sequences and masks is one input; what stands behind the mask changes nothing."""
    other = np.where(LENGTHS[..., None] != 0, X, 9).astype(np.float32)
    options = {"epochs": 2, "batch_size": 5, "progress": False}
    fits = [
        nn.fit(recurrent, ((x, LENGTHS), Y), dict(lr=0.1, dropout=0.0, recurrent_dropout=0.0), **options)
        for x in (X, other)
    ]
    np.testing.assert_array_equal(fits[0].history["loss"], fits[1].history["loss"])
