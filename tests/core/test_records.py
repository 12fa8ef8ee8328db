"""Records of losses and metrics: called, compared, scored, and read by whoever looks for changes."""

import copy
import pickle
from dataclasses import FrozenInstanceError, replace

import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.core.reads import digests, key_of
from jaxnn.core.records import called

FACTOR = 2.0


def far(outputs, targets):
    """How far off."""
    return FACTOR * (outputs - targets)


def test_a_record_is_called_compared_and_frozen():
    mine, again = nn.Loss("far", far, "values"), nn.Loss("far", far, "values")
    assert mine == again and hash(mine) == hash(again) and mine != replace(mine, task=None)
    assert mine(3.0, 1.0) == 4.0 and repr(mine) == "Loss('far', task='values')"
    assert mine.__doc__ == "How far off." and mine.__name__ == "far" and called(mine) == "far"
    with pytest.raises(FrozenInstanceError):
        mine.task = "sign"  # pyright: ignore[reportAttributeAccessIssue]
    assert nn.Metric("far", far, rises=True) == nn.Metric("far", far, rises=True) != nn.Metric("far", far)


@pytest.mark.parametrize("make", [lambda: nn.Loss("far", far), lambda: nn.Metric("far", far, rises=False)])
def test_a_changed_global_of_its_function_makes_another_key(make, monkeypatch):
    before, told = key_of(make()), digests(make())
    assert key_of(make()) == before
    monkeypatch.setitem(far.__globals__, "FACTOR", 3.0)
    assert key_of(make()) != before and digests(make()) != told
    monkeypatch.setitem(far.__globals__, "FACTOR", 2.0)
    assert key_of(make()) == before and key_of(replace(make(), name="near")) != before


def test_scores_over_means_moments_and_rows():
    outputs, targets, weight = np.array([1.0, 2.0, 4.0]), np.array([1.0, 1.0, 1.0]), np.array([1.0, 3.0, 0.0])
    assert float(nn.Metric("far", far).score(outputs, targets, weight)) == 1.5
    spread = nn.Metric("far", far, lambda mean, variance: variance, over="moments")
    assert float(spread.score(outputs, targets, weight)) == 0.75
    largest = nn.Metric("far", far, lambda rows, weight: rows.max(), over="rows")
    assert float(largest.score(outputs, targets, weight)) == 2.0
    by_task = nn.Metric("far", lambda o, y, task: o if task == "sign" else y, by_task=True)
    assert float(by_task.score(outputs, targets, task="sign")) == pytest.approx(7 / 3)
    assert float(by_task.score(jnp.asarray(outputs), jnp.asarray(targets))) == 1


def test_what_cannot_be_gathered_is_refused():
    with pytest.raises(ValueError, match=r'a metric is over mean, moments, rows, got \'all\'; write over="mean"'):
        nn.Metric("far", far, over="all")
    with pytest.raises(ValueError, match="the metric far is over rows and has no finish; write Metric"):
        nn.Metric("far", far, over="rows")


@pytest.mark.parametrize("make", [lambda: nn.Loss("far", far, "sign"), lambda: nn.Metric("far", far, rises=False)])
def test_records_are_pickled_and_copied(make):
    for again in (pickle.loads(pickle.dumps(make())), copy.deepcopy(make())):
        assert again == make() and again.rows is far and type(again) is type(make())


def test_a_record_that_took_the_place_of_its_function_is_that_very_one_again():
    for record in (nn.losses.squared_error, nn.metrics.accuracy, nn.metrics.f1_macro, nn.metrics.roc_auc):
        assert pickle.loads(pickle.dumps(record)) is record is copy.deepcopy(record)
    spec = nn.losses.resolve(nn.losses.huber(0.5))
    assert pickle.loads(pickle.dumps(spec)) == spec
