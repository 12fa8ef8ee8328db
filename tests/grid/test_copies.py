"""Runs, models, ensembles and whole grids are pickled and copied as any Python object is."""

import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)
WAYS = {"pickle": lambda value: pickle.loads(pickle.dumps(value)), "deepcopy": copy.deepcopy}


@nn.loss(task="classes")
def picklable_cross_entropy(logits, labels):
    return -jax.nn.log_softmax(logits)[jnp.arange(len(labels)), labels]


@nn.metric(rises=True)
def picklable_hits(logits, labels):
    return (logits.argmax(-1) == labels).astype("float32")


def net(lr, drop=0.1):
    model = nn.Sequential(nn.Dense(4, jax.nn.relu), nn.Dropout(drop), nn.BatchNorm(), nn.Dense(2))
    optimizer = optax.chain(nn.l2(1e-3), nn.ema(0.9), optax.adam(lr))
    return nn.Trial(model, picklable_cross_entropy, optimizer, metrics=(picklable_hits, "top_1"))


@pytest.fixture(scope="module")
def run():
    stop = nn.EarlyStopping("val_loss", patience=2)
    return nn.fit(net, (X, Y), dict(lr=0.1), epochs=2, validation=0.3, standardise=True, stop=stop, progress=False)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("grid")
    return nn.grid(
        net, (X, Y), dict(lr=[0.1, 0.2]), epochs=2, states=True, plan="map", folder=folder, progress=False
    ), folder


def same(ours, theirs):
    jax.tree.map(np.testing.assert_array_equal, (ours.params, ours.state), (theirs.params, theirs.state))
    assert {n: v.tolist() for n, v in ours.history.items()} == {n: v.tolist() for n, v in theirs.history.items()}
    assert repr(ours) == repr(theirs) and ours.spec == theirs.spec


@pytest.mark.parametrize("way", WAYS)
def test_a_run_and_its_model(run, way):
    again = WAYS[way](run)
    same(again, run)
    np.testing.assert_array_equal(again.predict_proba(X), run.predict_proba(X))
    assert again.evaluate((X, Y)) == WAYS[way](run.model).evaluate((X, Y)) == run.evaluate((X, Y))
    assert again.model.loss is picklable_cross_entropy and again.model.metrics[0] is picklable_hits
    more = nn.fit(net, (X, Y), dict(lr=0.1), epochs=3, validation=0.3, standardise=True, start=again, progress=False,
                  stop=nn.EarlyStopping("val_loss", patience=2))  # fmt: skip
    assert more.epochs == 5


@pytest.mark.parametrize("way", WAYS)
def test_a_grid_whether_trained_here_or_out_of_a_folder(runs, way):
    for one in (runs[0], nn.load_runs(runs[1])):
        again = WAYS[way](one)
        assert again.table == one.table and again.best("loss").hparams == one.best("loss").hparams
        for ours, theirs in zip(again, one, strict=True):
            same(ours, theirs)
        assert again.top(2, "loss").ensemble().evaluate((X, Y)) == one.top(2, "loss").ensemble().evaluate((X, Y))
    again = WAYS[way](runs[0])
    same(again.replay(1), runs[0][1])
    assert again[0].last is not None and repr(again.plan) == repr(runs[0].plan)


def test_a_grid_of_a_trial_leaves_it_behind():
    trial = nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(0.1))
    again = pickle.loads(pickle.dumps(nn.grid(trial, (X, X[:, 0]), dict(seed=[0, 1]), epochs=1, progress=False)))
    assert len(again) == 2 and again[1].seed == 1
    with pytest.raises(ValueError, match=r"nor some out of a pickle; write nn\.fit\(trial, data"):
        again.replay(0)


@pytest.mark.parametrize("way", WAYS)
def test_an_ensemble(runs, way):
    ensemble = runs[0].top(2, "loss").ensemble()
    np.testing.assert_array_equal(WAYS[way](ensemble).predict_proba(X), ensemble.predict_proba(X))


def far(outputs, targets):
    return abs(outputs - targets)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "value",
    [
        picklable_cross_entropy,
        picklable_hits,
        nn.losses.squared_error,
        nn.metrics.r2,
        nn.Loss("far", far, "values"),
        nn.Metric("far", far, rises=False),
        nn.losses.huber(2.0),
        nn.Dense(3, jax.nn.relu, kernel_init=jax.nn.initializers.zeros),
        nn.Sequential(nn.Dense(3, "relu"), nn.Residual(nn.Dense(3, jnp.tanh))),
        nn.EarlyStopping("val_loss", 3),
    ],
    ids=lambda part: type(part).__name__,
)
def test_parts_of_a_trial(value, way):
    again = WAYS[way](value)
    assert again == value and repr(again) == repr(value)
