"""Random spaces under random plans: one row a point, in order, each member its solo fit.

The spaces are tried in a process of its own with eight CPU devices. ``JAXNN_SPACES=300`` tries so many instead of 25.
"""

import os
import subprocess
import sys
import tempfile
import warnings

import jax
import numpy as np
import optax
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

import jaxnn as nn

EXAMPLES = int(os.environ.get("JAXNN_SPACES", "25"))
RNG = np.random.default_rng(0)
X = RNG.normal(size=(19, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int32)
OPTIONS = dict(validation=0.25, progress=False)


def trial(kind, lr, rate):
    """Three structures; programs are shared between examples, as they and the batch sizes are few."""
    if kind == "linear":
        return nn.Trial(nn.Sequential(nn.Dropout(rate), nn.Dense(2)), "softmax_cross_entropy", optax.sgd(lr))
    model = nn.mlp((3,), out=2, dropout=rate, batch_norm=kind == "norm")
    stop = nn.EarlyStopping("val_loss", patience=1) if kind == "stops" else None
    return nn.Trial(model, "softmax_cross_entropy", optax.adam(lr), stop=stop)


VALUES = {
    "kind": ["linear", "norm", "stops"],
    "lr": [0.5, 0.1, 0.02, 3e38],
    "rate": [0.0, 0.3],
    "seed": [0, 1, 7],
    "epochs": [1, 2, 3, 4],
    "batch_size": [None, 4, 7],
}


def chosen(draw):
    """A strategy for the values of each axis, at most four structures among them, as each is compiled."""
    shapes = {name: draw(st.permutations(VALUES[name]))[: draw(st.integers(1, 2))] for name in ("kind", "batch_size")}
    return {name: st.sampled_from(values) for name, values in (VALUES | shapes).items()}


@st.composite
def products(draw):
    """Axes of different lengths, in any order; those of the engine's own may be absent."""
    few = chosen(draw)
    names = draw(st.permutations([*VALUES]))
    room, axes = 12, {}
    for name in names:
        if name in ("seed", "epochs", "batch_size") and draw(st.booleans()):
            continue
        axes[name] = draw(st.lists(few[name], min_size=1, max_size=max(1, min(4, room))))
        room //= len(axes[name])
    return nn.space.product(**axes)


@st.composite
def unions(draw):
    """Points that are no product, repeated ones among them."""
    own, few = draw(st.sets(st.sampled_from(["seed", "epochs", "batch_size"]))), chosen(draw)
    point = st.fixed_dictionaries({n: v for n, v in few.items() if n in own or n in ("kind", "lr", "rate")})
    return draw(st.lists(point, min_size=1, max_size=12))


SHAPES = [(8, 1), (1, 3), (2, 2), (1, 1, 2), (7, 1, 7), (3, 1, 2), (1, 2, 5), (4, 2, 3), (5, 3, 10)]
PLANS = st.sampled_from(["auto", "map", "vmap", *(nn.Plan(*shape) for shape in SHAPES)])
SOLO: dict[tuple, nn.Run] = {}


def alone(point):
    """The solo fit of a point, trained once."""
    key = tuple(sorted(point.items(), key=str))
    if key not in SOLO:
        hparams = {n: point[n] for n in ("kind", "lr", "rate")}
        own = {"seed": 0, "epochs": 2, "batch_size": 4} | {n: v for n, v in point.items() if n not in hparams}
        SOLO[key] = nn.fit(trial, (X, Y), hparams, **own, **OPTIONS)
    return SOLO[key]


@seed(0)
@settings(max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate],
          suppress_health_check=[*HealthCheck])  # fmt: skip
@given(st.one_of(products(), unions()), PLANS)
def check(space, plan):
    points = nn.space.as_space(space).points
    runs = nn.grid(trial, (X, Y), space, epochs=2, batch_size=4, plan=plan, **OPTIONS)
    assert len(runs) == len(points) == len(runs.table["lr"])
    for name in runs.space.axes:
        assert runs.table[name] == [point[name] for point in points]
    members = np.concatenate([cohort.indices for cohort in runs.cohorts])
    assert sorted(members) == list(range(len(points)))
    for cohort, report in zip(runs.cohorts, runs.plan, strict=True):
        for i in cohort.indices:
            same(runs[int(i)], alone(points[i]), report.plan.tolerance)


def same(run, solo, tolerance):
    assert (run.hparams, run.seed, run.epochs) == (solo.hparams, solo.seed, solo.epochs)
    assert (run.best_epoch, run.diverged) == (solo.best_epoch, solo.diverged)
    assert list(run.history) == list(solo.history)
    pairs = [(run.history[name], solo.history[name]) for name in run.history]
    if tolerance == 0:
        pairs += zip(*map(jax.tree.leaves, ((run.params, run.state), (solo.params, solo.state))), strict=True)
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.slow
def test_random_spaces_are_solo_fits_whatever_the_plan():
    done = subprocess.run([sys.executable, __file__], capture_output=True, text=True, timeout=60 + 40 * EXAMPLES)
    assert done.returncode == 0, done.stderr[-4000:]


if __name__ == "__main__":
    nn.configure(cpu_devices=8, compilation_cache=os.path.join(tempfile.gettempdir(), "jaxnn-test-cache"))
    warnings.simplefilter("ignore", nn.DivergedWarning)
    check()
