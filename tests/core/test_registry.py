"""Which way a metric goes, by what it says of itself."""

import functools

import pytest

import jaxnn as nn
from jaxnn.core import registry
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


def gap_of_mine(outputs, targets):
    return outputs - targets


@pytest.fixture
def tables(monkeypatch):
    """Copies of the tables, so that what a test defines is gone after it."""
    for name in ("LOSSES", "METRICS"):
        monkeypatch.setattr(registry, name, dict(getattr(registry, name)))
    return registry


def test_what_is_defined_is_found_by_its_name(tables):
    loss, metric = nn.loss(task="values")(gap_of_mine), nn.metric(rises=False, name="gap")(gap_of_mine)
    assert tables.find_loss("gap_of_mine") is loss and (loss.name, loss.task) == ("gap_of_mine", "values")
    assert tables.find_metric("gap") is metric and (metric.name, metric.rises, metric.over) == ("gap", False, "mean")
    as_metric = tables.find_metric("gap_of_mine")
    assert (as_metric.name, as_metric.rises, as_metric.rows) == ("gap_of_mine", False, gap_of_mine)
    again = nn.loss(task="counts")(gap_of_mine)  # a cell that is run again
    assert tables.find_loss("gap_of_mine") is again and again.task == "counts"
    assert tables.find_loss("unheard") is None is tables.find_metric("unheard")


def test_two_definitions_under_one_name_are_refused(tables):
    nn.metric(rises=True, name="gap")(gap_of_mine)
    for kind, name, words in (
        (nn.metric(rises=True, name="gap"), "gap", f"a metric called 'gap' is defined in {__name__}; give the new one"),
        (nn.metric(rises=True, name="r2"), "r2", "a metric called 'r2' is defined in jaxnn.metrics.explained"),
        (nn.loss(name="hinge"), "hinge", r"a loss called 'hinge' is defined in .*nn.loss\(name='my_hinge'"),
        (nn.metric(rises=True, name="hinge"), "hinge", r"'hinge' names a loss or a metric; write nn.metric\(name='my_"),
        (nn.metric(rises=False, name="mse"), "mse", r"'mse' names a loss or a metric; .*rises=False\)"),
    ):
        before = tables.METRICS.get(name), tables.LOSSES.get(name)
        with pytest.raises(ValueError, match=words):
            kind(lambda outputs, targets: targets)
        assert (tables.METRICS.get(name), tables.LOSSES.get(name)) == before


@pytest.mark.parametrize("name", ["loss", "penalty", "epochs_done", "best_epoch", "diverged_at", "val_mine", "val_"])
def test_names_that_stand_in_every_history_are_refused(name):
    told = f"cannot be called '{name}', which stands in every history or table; write nn.metric"
    with pytest.raises(ValueError, match=told):
        nn.metric(rises=True, name=name)(gap_of_mine)
    registry.check_name("value"), registry.check_name("my_loss")


@pytest.mark.parametrize("function", [lambda o, t: o, functools.partial(gap_of_mine)])
def test_what_has_no_name_needs_one(function):
    with pytest.raises(ValueError, match=r"a loss needs a name, .* write nn.loss\(name='mine', task='values'\)\(f\)"):
        nn.loss()(function)
    with pytest.raises(ValueError, match=r"a metric needs a name, .* write nn.metric\(name='mine', rises=True\)\(f\)"):
        nn.metric(rises=True)(function)


@pytest.mark.parametrize("name", ["top_1", "top_5", "top_12"])
def test_a_number_in_a_name_is_that_of_its_family(name):
    found = registry.find_metric(name)
    assert found is not None and (found.name, found.rises) == (name, True)


@pytest.mark.parametrize("name", ["top_0", "top_", "top_-1", "top_1.5", "top_five", "my_top_5", "5", ""])
def test_other_numbers_name_nothing(name):
    assert registry.find_metric(name) is None


def test_aliases_keep_their_name_and_negated_scores_are_told():
    for alias, own in (("mse", "mean_squared_error"), ("acc", "accuracy")):
        found, known = registry.find_metric(alias), registry.METRICS[own]
        assert found is not None and found.name == alias and found.rows is known.rows and found.rises is known.rises
    with pytest.raises(ValueError, match=r'negative of an error.* write "mean_squared_error"'):
        registry.find_metric("neg_mean_squared_error")
