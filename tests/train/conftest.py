"""A trial with everything in it whose numbers ride inside, so that the tests of this folder share its programs."""

from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn

NEVER = 1e9


def everything(lr, bad):
    """BatchNorm, dropout, L2, Adam, a plateau and an average; the rate is not a number from step ``bad`` on."""
    model = nn.mlp((4,), out=1, batch_norm=True, dropout=0.25)
    rate = optax.adam(lambda step: jnp.where(step >= bad, jnp.nan, lr))
    chain = optax.chain(nn.l2(1e-2), rate, nn.plateau(0.5, patience=0, metric="val_loss"), nn.ema(0.9))
    return nn.Trial(model, "squared_error", chain)


@pytest.fixture(scope="session")
def rich():
    """The trial, its data and options: 24 rows, 6 held out, batches of 5: 4 steps an epoch, the last one padded."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(24, 3)).astype(np.float32)
    y = (x[:, 0] - x[:, 1] ** 2 + rng.normal(size=24)).astype(np.float32)
    weight = rng.uniform(0.5, 2, 24).astype(np.float32)
    stop = nn.EarlyStopping("val_loss", patience=1000.0)
    options = dict(batch_size=5, validation=0.25, stop=stop)

    def fit(bad=NEVER, lr=0.05, epochs=6, **more):
        hparams = {"lr": lr, "bad": float(bad)}
        return nn.fit(everything, (x, y, weight), hparams, epochs=epochs, progress=False, **{**options, **more})

    def population(bad=(NEVER,), lr=0.05, plan="map", **more):
        space = {"lr": np.broadcast_to(np.float64(lr), len(bad)).tolist(), "bad": [float(b) for b in bad]}
        points = [dict(zip(space, values, strict=True)) for values in zip(*space.values(), strict=True)]
        if "seed" in more:
            points = [{**p, "seed": s} for p, s in zip(points, more.pop("seed"), strict=True)]
        return nn.population(everything, (x, y, weight), points, plan=plan, **{**options, **more})

    return SimpleNamespace(
        trial=everything, x=x, y=y, weight=weight, data=(x, y, weight), options=options, fit=fit, never=NEVER,
        population=population, steps=4,
    )  # fmt: skip
