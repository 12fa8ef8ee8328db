"""Metrics by name, as functions and records."""

import functools

import jax.numpy as jnp
import pytest

import jaxnn as nn
from jaxnn import losses, metrics
from jaxnn.core.registry import METRICS, NEGATED
from jaxnn.metrics.names import unique

OWN = [name for name, record in METRICS.items() if getattr(record.rows, "__module__", "").startswith("jaxnn.")]


pytestmark = pytest.mark.usefixtures("registry")


def gain(outputs, targets):
    return outputs - targets


@pytest.mark.parametrize("name", OWN)
def test_a_name_gives_its_record_and_the_package_reaches_it(name):
    record = metrics.resolve(name)
    assert record.name == name and metrics.resolve(record) == record and record.rises is not None
    assert getattr(metrics, name) is record


def test_names_of_families_losses_and_others():
    assert metrics.resolve("top_3") == metrics.top_k(3) and metrics.resolve("top_3") != metrics.top_k(4)
    assert metrics.resolve("hinge").rows is losses.hinge.rows and metrics.resolve(losses.hinge).name == "hinge"
    assert metrics.resolve(losses.huber(2.0)).rises is False
    assert metrics.resolve(functools.partial(gain)).name == "gain" and metrics.resolve(gain).rises is None


@pytest.mark.parametrize(("alias", "name"), [("mse", "mean_squared_error"), ("acc", "accuracy"), ("r2_score", "r2")])
def test_an_alias_keeps_the_name_that_was_written(alias, name):
    found = metrics.resolve(alias)
    assert found.name == alias and found.rows is metrics.resolve(name).rows
    assert found.rises == metrics.resolve(name).rises


@pytest.mark.parametrize("name", ["auk", "top_", "top_0", "top_x", "top_-1"])
def test_an_unknown_name_is_told_with_those_there_are(name):
    with pytest.raises(
        ValueError,
        match=f"no metric is named '{name}'; (write 'top_5', or )?choose one of accuracy, .*, or pass a function",
    ):
        metrics.resolve(name)


@pytest.mark.parametrize("name", ["loss", "val_gain", "penalty", "best_epoch"])
def test_a_name_that_every_history_has_is_refused(name):
    named = lambda outputs, targets: outputs  # noqa: E731
    named.__name__ = name
    with pytest.raises(ValueError, match=f"a metric cannot be called '{name}'.*nn.metric\\(name='my_{name}'"):
        metrics.resolve(named)
    with pytest.raises(ValueError, match="a metric cannot be called"):
        nn.metric(rises=True, name=name)(gain)


def test_a_metric_of_ones_own_is_known_by_its_name_once_defined():
    mine = nn.metric(rises=True)(gain)
    assert metrics.resolve("gain") is mine and mine.rises is True
    assert mine(jnp.array([3.0]), jnp.array([1.0])).tolist() == [2.0]
    lifted = nn.metric(rises=False, name="lifted", finish=lambda mean: mean + 1)(gain)
    assert float(lifted.score([1.0, 3.0], [0.0, 0.0])) == 3.0


def test_the_name_of_another_metric_or_loss_is_refused():
    def r2(outputs, targets):
        return outputs

    with pytest.raises(ValueError, match=r"a metric called 'r2' is defined in jaxnn.metrics"):
        nn.metric(rises=True)(r2)
    with pytest.raises(ValueError, match=r"a metric of your own is called 'r2'.*nn.metric\(name='my_r2', rises=True\)"):
        metrics.resolve(r2)
    for name in ("huber", "mse"):
        with pytest.raises(ValueError, match=f"'{name}' names a loss or a metric; write nn.metric"):
            nn.metric(rises=True, name=name)(gain)


def test_one_of_each_name():
    assert unique([metrics.accuracy, metrics.resolve("accuracy")]) == (metrics.accuracy,)
    with pytest.raises(ValueError, match=r"two metrics are called '<lambda>'; give one another name, as in nn.metric"):
        unique([metrics.resolve(lambda o, y: o), metrics.resolve(lambda o, y: y)])


@pytest.mark.parametrize("name", NEGATED)
def test_negated_scores_are_refused_with_the_error(name):
    with pytest.raises(ValueError, match=f'is the negative of an error.*write "{NEGATED[name]}"'):
        metrics.resolve(name)
    assert metrics.resolve(NEGATED[name]).rises is False


@pytest.mark.parametrize("what", [3, losses.huber])
def test_other_things_are_refused(what):
    with pytest.raises(ValueError, match=r'a metric is a name or a function .*; write "r2"'):
        metrics.resolve(what)
