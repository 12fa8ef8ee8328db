"""Small rows, two structures, and solo fits that are trained once."""

import jax
import numpy as np
import optax
import pytest

import jaxnn as nn

RNG = np.random.default_rng(0)
X = RNG.normal(size=(23, 3)).astype(np.float32)
Y = (X[:, 0] + 0.3 * RNG.normal(size=23) > 0).astype(np.int32)
OPTIONS = dict(validation=0.3, batch_size=8, progress=False)
RATES = nn.logspace(1e-3, 0.5, 9)


def trial(lr, wide=False, stop=False):
    """A perceptron of one of two structures, with early stopping or without."""
    model = nn.mlp((3,), out=2, dropout=0.2) if wide else nn.softmax_regression(2)
    halt = nn.EarlyStopping("val_loss", patience=2, min_delta=0.01) if stop else None
    return nn.Trial(model, "softmax_cross_entropy", optax.adam(lr), stop=halt)


class Problem:
    """The rows, the trial, and what each point is alone."""

    def __init__(self):
        self.data, self.trial, self.rates, self.options, self.fits = (X, Y), trial, RATES, OPTIONS, {}

    def grid(self, space, epochs=9, plan="map", **options):
        """A grid over the rows."""
        return nn.grid(trial, self.data, space, epochs=epochs, plan=plan, **OPTIONS | options)

    def solo(self, point, epochs=9, **options):
        """The fit of a point to its end, trained once."""
        key = (*sorted(point.items()), epochs, *sorted(options.items()))
        if key not in self.fits:
            hparams = {n: v for n, v in point.items() if n != "seed"}
            self.fits[key] = nn.fit(
                trial, self.data, hparams, epochs=epochs, seed=point.get("seed", 0), **OPTIONS | options
            )
        return self.fits[key]

    def assert_alone(self, runs, epochs=9):
        """Each member, to the bit, is the beginning of its solo fit; a member of the last rung is all of it."""
        for run, point in zip(runs, runs.space.points, strict=True):
            solo = self.solo(point, epochs)
            assert list(run.history) == list(solo.history)
            for name, values in run.history.items():
                np.testing.assert_array_equal(values, solo.history[name][: len(values)])
            if run.epochs == solo.epochs:
                self.assert_same_weights(run, solo)

    def assert_same_weights(self, run, solo):
        """The weights of two runs, to the bit."""
        pairs = zip(*map(jax.tree.leaves, ((run.params, run.state), (solo.params, solo.state))), strict=True)
        for ours, theirs in pairs:
            np.testing.assert_array_equal(ours, theirs)


@pytest.fixture(scope="session")
def problem():
    """The one problem of these tests."""
    return Problem()
