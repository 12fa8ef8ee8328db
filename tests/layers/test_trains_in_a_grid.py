"""Convolution, pooling, norms and layers of layers in a grid whose members differ in their hyperparameters."""

import numpy as np
import optax
import pytest

import jaxnn as nn


def images(eps, dropout, lr):
    model = nn.Sequential(
        nn.Conv(4, (3, 3), activation="relu"),
        nn.BatchNorm(eps=eps),
        nn.Parallel(nn.MaxPool((2, 2)), nn.AvgPool((2, 2)), join="concat"),
        nn.DepthwiseConv((3, 3)),
        nn.GroupNorm(2, eps=eps),
        nn.Repeat(nn.Residual(nn.Conv(8, (3, 3), groups=2, activation="tanh")), 2),
        nn.ConvTranspose(4, (2, 2), strides=2),
        nn.Parallel(nn.GlobalAvgPool(), nn.GlobalMaxPool(), join="add"),
        nn.LayerNorm(eps=eps),
        nn.Dropout(dropout),
        nn.Dense(3),
    )
    return nn.Trial(model, "softmax_cross_entropy", optax.adam(lr))


def graph(eps, dropout, lr):
    model = nn.Graph(
        ("image", nn.Reshape((3, -1)), "x"),
        ("norm", nn.RMSNorm(eps=eps), "image"),
        ("flat", nn.Flatten(), "norm"),
        ("drop", nn.Dropout(dropout), "flat"),
        ("hidden", nn.Dense(6, "tanh"), "drop"),
        ("both", nn.Join("concat"), ("hidden", "flat")),
        ("out", nn.Dense(3), "both"),
    )
    return nn.Trial(model, "softmax_cross_entropy", optax.adam(lr))


@pytest.mark.parametrize("trial", [images, graph])
def test_four_members_learn_and_are_their_solo_runs(trial):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 27)
    x = (rng.normal(size=(27, 6, 6, 1)) * 0.3 + y.reshape(-1, 1, 1, 1) * np.linspace(-1, 1, 6)[:, None]).astype(
        np.float32
    )
    space = nn.space.zip(eps=[1e-5, 1e-4, 1e-3, 1e-2], dropout=[0.0, 0.1, 0.2, 0.3], lr=[3e-3, 1e-2, 1e-2, 3e-2])
    options = {"epochs": 12, "batch_size": 8}
    runs = nn.grid(trial, (x, y), space, progress=False, **options)
    losses = np.array([run.history["loss"] for run in runs])
    assert (losses[:, -1] < 0.7 * losses[:, 0]).all()
    assert len({*losses[:, -1]}) == 4
    point = {"eps": 1e-3, "dropout": 0.2, "lr": 1e-2}
    solo = nn.fit(trial, (x, y), point, progress=False, **options)
    np.testing.assert_allclose(runs[2].history["loss"], solo.history["loss"], rtol=1e-4)
