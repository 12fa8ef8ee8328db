"""Which way a metric goes, by what it says of itself."""

import pytest

import jaxnn as nn
from jaxnn.core.registry import METRICS, is_better_larger, rises

FALLING = ["loss", "val_loss", "penalty", "val_mean_absolute_error", "mean_squared_error", "val_hinge", "val_mse"]
RISING = ["accuracy", "val_accuracy", "top_5", "val_r2", "log_likelihood", "val_acc"]


def test_the_direction_is_what_the_metric_says():
    assert [rises(n) for n in FALLING] == [False] * len(FALLING)
    assert [rises(n) for n in RISING] == [True] * len(RISING)


@pytest.mark.parametrize("name", ["accuracy_of_mine", "top_secret", "val_balanced", "auc_mine"])
def test_a_name_alone_tells_nothing(name):
    assert rises(name) is None
    assert is_better_larger(name, "max", "f(") and not is_better_larger(name, "min", "f(")
    assert is_better_larger(name, None, "f(", {name: True})
    with pytest.raises(ValueError, match=r'is not known; write f\(, mode="max"\) or mode="min", or define the metric'):
        is_better_larger(name, None, "f(")
    with pytest.raises(ValueError, match='mode must be "min", "max" or None, got \'up\'; write f'):
        is_better_larger(name, "up", "f(")


def test_a_defined_metric_tells_it_everywhere():
    try:
        nn.metric(rises=True, name="gain_of_mine")(lambda outputs, targets: outputs)
        assert rises("val_gain_of_mine") and nn.EarlyStopping("val_gain_of_mine").rises
        assert nn.plateau(metric="val_gain_of_mine").init({}).watch.value[1] == "max"
    finally:
        METRICS.pop("gain_of_mine")


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: nn.EarlyStopping("val_unheard").rises, r'nn.EarlyStopping\("val_unheard", mode="max"\)'),
        (lambda: nn.plateau(metric="val_unheard"), r'nn.plateau\(metric="val_unheard", mode="max"\)'),
        (lambda: nn.plot.heatmap({"a": [1], "b": [1], "c": [1]}, "a", "b", "c"), r'"c", mode="max"\)'),
    ],
)
def test_an_unknown_direction_is_an_error_that_shows_the_call(call, told):
    with pytest.raises(ValueError, match=told):
        call()
