"""Losses and metrics in files: by name, as JSON of a spec, and one's own by the name it was defined under."""

import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.core.registry import LOSSES, METRICS
from jaxnn.io.records import read, written

X = np.random.default_rng(0).normal(size=(12, 2)).astype(np.float32)
DATA = X, X[:, 0]


@pytest.fixture(autouse=True)
def clean():
    before = dict(LOSSES), dict(METRICS)
    yield
    for table, old in zip((LOSSES, METRICS), before, strict=True):
        table.clear()
        table.update(old)


def own(outputs, targets):
    return abs(outputs[:, 0] - targets)


def saved(path, loss, metrics=()):
    run = nn.fit(nn.Trial(nn.linear_regression(), loss, optax.sgd(0.1), metrics), DATA, epochs=2, progress=False)
    run.save(path)
    return run, nn.load(path)


@pytest.mark.parametrize(
    ("loss", "metrics"),
    [
        ("mse", ("r2", "mean_absolute_error")),
        (nn.losses.huber(0.3), (nn.metrics.r2, nn.losses.quantile(0.9), "mae")),
        (nn.losses.squared_error, (nn.metrics.median_absolute_error,)),
    ],
)
def test_evaluate_is_the_same_after_saving(loss, metrics, tmp_path):
    run, again = saved(tmp_path / "a", loss, metrics)
    assert again.evaluate(DATA) == run.evaluate(DATA) and len(run.evaluate(DATA)) == 1 + len(metrics)
    assert again.model.task == "values"


def test_a_loss_of_ones_own_is_found_by_name_where_it_is_defined(tmp_path):
    defined, gain = nn.loss(task="values")(own), nn.metric(rises=True, name="gain_of_mine")(own)
    run, again = saved(tmp_path / "a", defined, (gain,))
    assert again.evaluate(DATA) == run.evaluate(DATA)
    LOSSES.pop("own")
    with pytest.raises(ValueError, match="no loss is named 'own'"):
        nn.load(tmp_path / "a")


@pytest.mark.parametrize(("loss", "metrics", "told"), [(own, (), "loss 'own'"), ("mse", (own,), "metrics")])
def test_a_bare_function_is_in_no_file(loss, metrics, told, tmp_path):
    with pytest.raises(ValueError, match=f"no file holds a function of one's own, as its {told}; define such by"):
        saved(tmp_path / "a", loss, metrics)


def test_what_a_file_holds():
    assert written(own, "loss") is None and written(own, "metric") is None
    assert written(nn.metrics.top_k(3), "metric") == "top_3" and read("top_3") == "top_3"
    assert read(written(nn.losses.focal(0.5, 0.25), "loss")) == nn.losses.focal(0.5, 0.25)
    with pytest.raises(ValueError, match="no layer is named 'Popen'"):
        read('{"class": "Popen"}')
