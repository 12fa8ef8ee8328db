"""Losses and metrics in files: the package's by name, specs with their numbers, one's own marked as such."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.core import registry
from jaxnn.core.layer import REGISTRY
from jaxnn.io.records import read, written

OUTPUTS, TARGETS = jnp.array([[1.0], [4.0]]), jnp.array([3.0, 3.0])


def plain(outputs, targets):
    return jnp.abs(outputs[:, 0] - targets)


@pytest.fixture
def mine():
    """A loss and a metric of one's own, known by name for one test."""
    yield nn.loss(name="far_off", task="sign")(plain), nn.metric(name="nearness", rises=True)(plain)
    registry.LOSSES.pop("far_off", None)
    registry.METRICS.pop("nearness", None)


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        ("mse", "loss"),
        ("softmax_cross_entropy", "loss"),
        (nn.losses.huber(2.5), "loss"),
        (nn.losses.focal(1.5, alpha=0.3), "loss"),
        (nn.losses.quantile(0.9), "loss"),
        (nn.losses.ignoring("softmax_cross_entropy", -1), "loss"),
        ({"cls": "softmax_cross_entropy", "reg": (nn.losses.huber(0.5), "mae")}, "loss"),
        ({"loss": "hinge", "own": "mse", "spec": "mse", "dict": "mse", "tuple": "mse"}, "loss"),
        (("mse", "top_5", "hinge", "acc"), "metric"),
        ({"cls": ("accuracy", "f1")}, "metric"),
        ((), "metric"),
    ],
)
def test_what_the_package_has_comes_back_equal(part, kind):
    text = written(part, kind)
    assert read(text, kind) == part
    assert written(read(text, kind), kind) == text


def test_functions_of_the_package_come_back_as_names():
    assert read(written(nn.losses.squared_error, "loss"), "loss") == "squared_error"
    assert read(written((nn.metrics.r2, nn.metrics.mean_absolute_error), "metric"), "metric") == (
        "r2",
        "mean_absolute_error",
    )


def test_ones_own_is_found_by_its_name_once_it_is_defined(mine):
    loss, metric = mine
    for part in (loss, "far_off"):
        text = written(part, "loss")
        assert text == {"own": "far_off", "task": "sign"} and read(text, "loss") is loss
    assert read(written(metric, "metric"), "metric") is metric
    del registry.LOSSES["far_off"], registry.METRICS["nearness"]
    absent = read({"own": "far_off", "task": "sign"}, "loss")
    assert (absent.name, absent.task) == ("far_off", "sign") and written(absent, "loss") == text
    with pytest.raises(ValueError, match=r"'far_off' is a function of one's own, .*nn\.load\(path, loss=far_off\)"):
        absent(OUTPUTS, TARGETS)
    absent = read({"own": "nearness", "rises": True}, "metric")
    assert absent.rises is True and written(absent, "metric") == {"own": "nearness", "rises": True}
    with pytest.raises(ValueError, match=r"the metric 'nearness' .*nn\.load\(path, metrics=nearness\)"):
        absent(OUTPUTS, TARGETS)


def test_a_name_of_ones_own_is_never_that_of_the_package():
    for name in ("huber", "mse", "squared_error"):
        back = read({"own": name, "task": "values"}, "loss")
        with pytest.raises(ValueError, match="one's own, which no file holds"):
            back(OUTPUTS, TARGETS)
        assert nn.losses.resolve(back) is back
    back = read({"own": "r2", "rises": True}, "metric")
    assert nn.metrics.resolve(back) is back
    with pytest.raises(ValueError, match="one's own"):
        back(OUTPUTS, TARGETS)


def test_what_is_given_back_takes_the_place_and_keeps_the_task():
    given = read({"own": "plain", "task": "binary"}, "loss", plain)
    assert given.task == "binary" and given(OUTPUTS, TARGETS).tolist() == [2.0, 1.0]
    told = nn.Loss("plain", plain, "sign")
    assert read({"own": "plain", "task": "binary"}, "loss", told) is told
    tree = written({"cls": "hinge", "own": plain}, "loss")
    back = read(tree, "loss", {"own": plain})
    assert back == {"cls": "hinge", "own": plain}
    with pytest.raises(ValueError, match="no output 'reg'; it has 'cls', 'own'"):
        read(tree, "loss", {"reg": plain})
    assert read(written(("r2",), "metric"), "metric", (plain,)) == (plain,)


def test_a_loss_that_is_a_spec_of_ones_own(monkeypatch):
    @nn.spec
    class Cubed:
        factor: float = nn.hyper(1.0)

        def __call__(self, outputs, targets):
            return self.factor * jnp.abs(outputs[:, 0] - targets) ** 3

    text = written(Cubed(2.0), "loss")
    assert read(text, "loss") == Cubed(2.0)
    monkeypatch.delitem(REGISTRY, "Cubed")
    assert read(text, "loss", specs=[Cubed])(OUTPUTS, TARGETS).tolist() == [16.0, 2.0]
    with pytest.raises(ValueError, match="the loss 'Cubed' is a function of one's own"):
        read(text, "loss")(OUTPUTS, TARGETS)


@pytest.mark.parametrize(
    "text",
    [
        "os.system",
        "",
        '{"class": "huber"}',
        {"spec": '{"class": "huber", "delta": -1}', "own": "huber", "task": "values"},
        {"spec": "[" * 9999, "own": "x", "task": None},
        {"own": "x", "task": "evil"},
    ],
)
def test_what_is_none_is_refused(text):
    with pytest.raises(ValueError, match=r"\w"):
        read(text, "loss")


def test_a_loss_named_by_a_user_is_not_of_the_package(mine):
    with pytest.raises(ValueError, match="no loss of the package is named 'far_off'"):
        read("far_off", "loss")
    assert np.all(mine[0](OUTPUTS, TARGETS) == np.array([2.0, 1.0]))


@pytest.mark.parametrize(
    ("loss", "metrics"),
    [
        ("mse", ("r2", "mean_absolute_error")),
        (nn.losses.huber(0.3), (nn.metrics.r2, nn.losses.quantile(0.9), "mae")),
        (nn.losses.squared_error, (nn.metrics.median_absolute_error,)),
    ],
)
def test_evaluate_is_the_same_after_saving(loss, metrics, tmp_path):
    x = np.random.default_rng(0).normal(size=(12, 2)).astype(np.float32)
    trial = nn.Trial(nn.linear_regression(), loss, optax.sgd(0.1), metrics)
    run = nn.fit(trial, (x, x[:, 0]), epochs=2, progress=False)
    run.save(tmp_path / "a")
    again = nn.load(tmp_path / "a")
    assert again.evaluate((x, x[:, 0])) == run.evaluate((x, x[:, 0])) and len(again.metrics) == 1 + len(metrics)
    assert again.model.task == "values"
