"""Losses by name, as functions, specs and records."""

import functools

import jax.numpy as jnp
import pytest

import jaxnn as nn
from jaxnn import losses
from jaxnn.core.registry import LOSSES

OWN = [name for name, record in LOSSES.items() if getattr(record.rows, "__module__", "").startswith("jaxnn.")]


pytestmark = pytest.mark.usefixtures("registry")


def far(outputs, targets):
    return outputs - targets


@pytest.mark.parametrize("name", OWN)
def test_a_name_gives_its_record_and_the_package_reaches_it(name):
    record = losses.resolve(name)
    assert record.name == name and losses.resolve(record) is record
    public = getattr(losses, name)
    assert losses.resolve(public() if isinstance(public, type) else public) == record


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("mse", "squared_error"),
        ("mean_absolute_error", "absolute_error"),
        ("binary_crossentropy", "sigmoid_cross_entropy"),
        ("sparse_categorical_crossentropy", "softmax_cross_entropy"),
    ],
)
def test_the_names_of_keras_and_scikit_learn_serve(alias, name):
    assert losses.resolve(alias) is losses.resolve(name)


def test_an_unknown_name_is_told_with_those_there_are():
    with pytest.raises(ValueError, match=r"no loss is named 'mce'; choose one of absolute_error, .*, or pass"):
        losses.resolve("mce")
    with pytest.raises(ValueError, match=r"a loss is a name or a function .*; write nn.losses.huber\(\)"):
        losses.resolve(losses.huber)
    with pytest.raises(ValueError, match=r"got 3; write \"softmax_cross_entropy\""):
        losses.resolve(3)


def test_the_task_is_what_the_record_says_and_unknown_for_a_bare_function():
    tasks = {name: losses.resolve(name).task for name in OWN}
    assert tasks["softmax_cross_entropy"] == "classes" and tasks["sigmoid_cross_entropy"] == "binary"
    assert tasks["hinge"] == tasks["perceptron"] == "sign" and tasks["squared_error"] == "values"
    assert losses.resolve(far).task is None and losses.resolve(functools.partial(far)).name == "far"
    assert losses.resolve(losses.huber(2.0)).task == "values"
    with pytest.raises(ValueError, match="no task is called 'regression'; write one of 'classes', 'binary'"):
        nn.Loss("far", far, "regression")


def test_a_loss_of_ones_own_is_known_by_its_name_once_defined():
    mine = nn.loss(task="values")(far)
    assert losses.resolve("far") is mine and mine(jnp.array([3.0]), jnp.array([1.0])).tolist() == [2.0]
    assert nn.loss(name="other", task="sign")(far) is losses.resolve("other")
    with pytest.raises(ValueError, match=r"a loss needs a name, .* write nn.loss\(name='mine', task='values'\)\(f\)"):
        nn.loss()(lambda o, y: o)


def test_a_definition_run_again_replaces_itself_and_another_is_refused():
    def make(factor):
        def far(outputs, targets):
            return factor * (outputs - targets)

        return nn.loss(task="values")(far)

    make(1)
    assert losses.resolve("far") is not make(2) and losses.resolve("far").rows(3.0, 1.0) == 4.0
    with pytest.raises(ValueError, match=r"a loss called 'far' is defined in .*test_names; give the new one another"):
        nn.loss(task="values")(far)


def test_the_name_of_another_loss_is_refused():
    def huber(outputs, targets):
        return outputs

    with pytest.raises(ValueError, match=r"a loss called 'huber' is defined in jaxnn.losses"):
        nn.loss(task="values")(huber)
    with pytest.raises(ValueError, match=r"a loss of your own is called 'huber'.*nn.loss\(name='my_huber', task"):
        losses.resolve(huber)
