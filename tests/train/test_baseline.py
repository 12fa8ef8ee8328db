"""What a constant reaches, against scikit-learn's dummies."""

import numpy as np
import optax
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import accuracy_score, mean_absolute_error, mean_squared_error

import jaxnn as nn
from jaxnn.train import baseline as module
from jaxnn.train.baseline import baseline

RNG = np.random.default_rng(0)
X, HELD_X = np.zeros((60, 1), np.float32), np.zeros((20, 1), np.float32)
LABELS, HELD = RNG.choice(3, 60, p=[0.2, 0.5, 0.3]), RNG.choice(3, 20)
VALUES, HELD_VALUES = RNG.normal(size=(60, 2)), RNG.normal(size=(20, 2))
WEIGHT, HELD_WEIGHT = RNG.uniform(size=60), RNG.uniform(size=20)


def heads(loss, **more):
    return nn.Trial(nn.Dense(3), loss, optax.sgd(0.1), **more).heads


def part(y, weight=None):
    return nn.Batch(None, y, weight)


@pytest.mark.parametrize("weighted", [False, True])
def test_classes(weighted):
    weight, held_weight = (WEIGHT, HELD_WEIGHT) if weighted else (None, None)
    dummy = DummyClassifier(strategy="most_frequent").fit(X, LABELS, sample_weight=weight)
    expected = accuracy_score(HELD, dummy.predict(HELD_X), sample_weight=held_weight)
    found = baseline(heads("softmax_cross_entropy"), part(LABELS, weight), part(HELD, held_weight))
    assert found == pytest.approx({"val_accuracy": expected})
    expected = accuracy_score(LABELS, dummy.predict(X), sample_weight=weight)
    assert baseline(heads("softmax_cross_entropy"), part(LABELS, weight)) == pytest.approx({"accuracy": expected})


@pytest.mark.parametrize(("loss", "labels"), [("sigmoid_cross_entropy", (0, 1)), ("hinge", (-1, 1))])
def test_two_classes(loss, labels):
    y = np.asarray(labels)[(LABELS == 1).astype(int)]
    share = np.mean(LABELS == 1)
    for own in (y, y[:, None]):
        assert baseline(heads(loss), part(own)) == pytest.approx({"accuracy": max(share, 1 - share)})


@pytest.mark.parametrize(("loss", "error"), [("mse", mean_squared_error), ("absolute_error", mean_absolute_error)])
@pytest.mark.parametrize("weighted", [False, True])
def test_values(loss, error, weighted):
    weight, held_weight = (WEIGHT, HELD_WEIGHT) if weighted else (None, None)
    dummy = DummyRegressor().fit(X, VALUES, sample_weight=weight)
    expected = error(HELD_VALUES, dummy.predict(HELD_X), sample_weight=held_weight)
    found = baseline(heads(loss), part(VALUES, weight), part(HELD_VALUES, held_weight))
    assert found == pytest.approx({"val_loss": expected})


def test_several_outputs_steps_and_what_has_none():
    loss = {"cls": "softmax_cross_entropy", "reg": "half_squared_error", "far": "huber"}
    y = {"cls": LABELS, "reg": VALUES, "far": VALUES}
    found = baseline(heads(loss), part(y))
    assert found == pytest.approx({"cls_accuracy": np.mean(LABELS == 1), "reg_loss": VALUES.var(0).sum() / 2})
    steps, mask = LABELS.reshape(15, 4), RNG.uniform(size=(15, 4)) < 0.5
    counts = np.bincount(steps[mask])
    assert baseline(heads("softmax_cross_entropy"), part(steps)) == {}
    expected = pytest.approx({"accuracy": counts.max() / counts.sum()})
    assert baseline(heads("softmax_cross_entropy"), part(steps, mask)) == expected
    assert baseline(heads("softmax_cross_entropy"), part(np.eye(3, dtype=np.float32)[LABELS])) == {}
    ignoring = heads(nn.losses.ignoring("softmax_cross_entropy", 1))
    assert baseline(ignoring, part(LABELS)) == pytest.approx({"accuracy": np.mean(LABELS[LABELS != 1] == 2)})


def test_a_run_shows_it_and_keeps_it_in_its_file(tmp_path):
    trial = nn.Trial(nn.Dense(3), "softmax_cross_entropy", optax.sgd(0.1))
    run = nn.fit(trial, (X, LABELS), epochs=1, validation=(HELD_X, HELD), progress=False)
    share = np.mean(HELD == 1)
    assert run.baseline == pytest.approx({"val_accuracy": share})
    assert f"; a constant reaches val_accuracy={share:.4g})" in repr(run)
    run.save(tmp_path / "run.safetensors")
    assert nn.load(tmp_path / "run.safetensors").baseline == run.baseline


def test_members_that_share_their_rows_count_them_once(monkeypatch):
    x, y = np.ones((8, 2), np.float32), np.array([0, 0, 0, 1, 1, 1, 1, 1])
    calls, count = [], module.baseline
    monkeypatch.setattr(module, "baseline", lambda *given: calls.append(1) or count(*given))

    def trial(lr):
        return nn.Trial(nn.Dense(2), "softmax_cross_entropy", optax.sgd(lr))

    runs = nn.grid(trial, (x, y), dict(lr=[0.1, 0.2, 0.3]), epochs=1, validation=(x, 1 - y), progress=False)
    assert [run.baseline for run in runs] == [{"val_accuracy": 0.375}] * 3 and len(calls) == 1
    runs[0].baseline.clear()
    assert runs[1].baseline == {"val_accuracy": 0.375}
