"""Models with losses, metrics, layers and modules of one's own: they open for use, and evaluate once these are back."""

import subprocess
import sys
import textwrap
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.core import registry
from jaxnn.core.layer import REGISTRY
from tests.io.own import OwnScale, net, own_cross_entropy, own_hits

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 3)).astype(np.float32)
Y = RNG.integers(0, 3, 24)


@pytest.fixture(scope="module")
def runs():
    return nn.grid(net, (X, Y), dict(lr=[0.1, 0.05]), epochs=2, progress=False)


@pytest.fixture
def path(runs, tmp_path):
    runs[0].save(tmp_path / "own.safetensors")
    return tmp_path / "own.safetensors"


@pytest.fixture
def elsewhere(monkeypatch):
    """As in a process where nothing of one's own is defined."""
    monkeypatch.delitem(registry.LOSSES, "own_cross_entropy")
    monkeypatch.delitem(registry.METRICS, "own_hits")


def test_where_all_is_defined_it_is_the_same(runs, path):
    back = nn.load(path)
    assert back.evaluate((X, Y)) == runs[0].evaluate((X, Y))
    assert back.model.loss is own_cross_entropy and back.spec == runs[0].spec
    assert jax.tree.structure(back.params) == jax.tree.structure(runs[0].params)


def test_it_predicts_without_its_loss_and_evaluates_with_it(runs, path, elsewhere):
    back = nn.load(path)
    np.testing.assert_array_equal(back.predict_proba(X), runs[0].predict_proba(X))
    np.testing.assert_array_equal(back.predict(X), runs[0].predict(X))
    assert back.model.task == "classes" and back.metrics == runs[0].metrics
    with pytest.raises(
        ValueError, match=r"'own_cross_entropy' is a function of one's own, .*write nn\.load\(path, loss"
    ):
        back.evaluate((X, Y))
    with pytest.raises(ValueError, match=r"the metric 'own_hits' is a function of one's own"):
        nn.load(path, loss=own_cross_entropy).evaluate((X, Y))
    whole = nn.load(path, loss=own_cross_entropy.rows, metrics=(own_hits, "top_2"))
    assert whole.evaluate((X, Y)) == runs[0].evaluate((X, Y))
    values = nn.load(path, loss="softmax_cross_entropy", metrics=()).evaluate((X, Y))
    assert values["loss"] == pytest.approx(runs[0].evaluate((X, Y))["loss"], rel=1e-6) and "own_hits" not in values


def test_saved_again_it_still_knows_what_it_was(runs, path, tmp_path, elsewhere):
    nn.load(path).save(tmp_path / "again")
    again = nn.load(tmp_path / "again", loss=own_cross_entropy, metrics=(own_hits, "top_2"))
    assert again.evaluate((X, Y)) == runs[0].evaluate((X, Y))


def test_another_loss_of_the_package_by_that_name_is_not_taken(runs, path, monkeypatch):
    values = runs[0].evaluate((X, Y))
    expected = runs[0].predict(X)
    with monkeypatch.context() as patch:
        other = nn.Loss("own_cross_entropy", nn.losses.squared_error.rows, "classes")
        patch.setitem(registry.LOSSES, "own_cross_entropy", other)
        back = nn.load(path)
        with pytest.raises(ValueError, match="'own_cross_entropy' is a function of one's own"):
            back.evaluate((X, Y))
        np.testing.assert_array_equal(back.predict(X), expected)
    assert nn.load(path).evaluate((X, Y)) == values


def test_several_outputs_of_which_one_loss_is_ones_own(tmp_path, elsewhere):
    def two():
        heads = nn.Graph(("cls", nn.Dense(3), "x"), ("reg", nn.Dense(1), "x"), outputs=("cls", "reg"))
        loss = {"cls": own_cross_entropy, "reg": nn.losses.huber(0.5)}
        return nn.Trial(heads, loss, optax.sgd(0.1), metrics={"cls": own_hits}, loss_weights={"reg": 0.3})

    data = X, {"cls": Y, "reg": X[:, 0]}
    run = nn.fit(two, data, epochs=1, progress=False)
    run.save(tmp_path / "two")
    back = nn.load(tmp_path / "two")
    for name in ("cls", "reg"):
        np.testing.assert_array_equal(back.predict(X)[name], run.predict(X)[name])
    whole = nn.load(tmp_path / "two", loss={"cls": own_cross_entropy}, metrics={"cls": own_hits})
    assert whole.evaluate(data) == run.evaluate(data) and whole.model.loss["reg"] == nn.losses.huber(0.5)
    with pytest.raises(ValueError, match=r"the model has no output 'box'; it has 'cls', 'reg'"):
        nn.load(tmp_path / "two", loss={"box": own_cross_entropy})


def test_a_layer_of_ones_own_is_found_or_asked_for(runs, path, monkeypatch):
    monkeypatch.delitem(REGISTRY, "OwnScale")
    with pytest.raises(ValueError, match=r"no layer is named 'OwnScale'; .*nn\.load\(path, specs=\[OwnScale\]\)"):
        nn.load(path)
    np.testing.assert_array_equal(nn.load(path, specs=[OwnScale]).predict(X), runs[0].predict(X))


def test_a_layer_defined_anew_does_not_harm_the_models_there_are(tmp_path):
    def define():
        @nn.spec
        class Cell:
            by: float = nn.hyper(2.0)

            def init(self, key, x):
                return {}, {}

            def apply(self, params, state, x, *, key=None, train=False, rows=None):
                return x * self.by, state

        return Cell

    old = nn.Model(define()(3.0), {}, {}, "squared_error", row=X[:, :1])
    define()
    assert old.predict(X[:, :1]).tolist() == (3 * X[:, 0]).tolist() and "loss" in old.evaluate((X[:, :1], X[:, 0]))
    old.save(tmp_path / "old")
    assert nn.load(tmp_path / "old").predict(X[:, :1]).tolist() == (3 * X[:, 0]).tolist()


def test_what_could_not_be_loaded_is_refused_when_it_is_saved(tmp_path):
    @nn.spec
    class Odd:
        size: int = 3

        def __init__(self, wide):
            object.__setattr__(self, "size", wide)

        def init(self, key, x):
            return {}, {}

        def apply(self, params, state, x, *, key=None, train=False, rows=None):
            return x, state

    factor = 2.0
    weights = {"kernel": np.ones((3, 1), np.float32)}
    row = jax.ShapeDtypeStruct((1, 3), jnp.float32)
    cases = {
        r"Lambda.f is the function '<lambda>', which JSON cannot hold": nn.Model(
            nn.Lambda(lambda x: factor * x), {}, {}, "squared_error"
        ),
        r"Sequential\.layers\[0\]\.activation is the function": nn.Model(
            nn.Sequential(nn.Dense(1, lambda x: x)), {}, {}, "squared_error"
        ),
        r"Odd cannot be built": nn.Model(Odd(4), {}, {}, "squared_error"),
        r"params/bias is missing, of which the model needs": nn.Model(
            nn.Dense(1), weights, {}, "squared_error", row=row
        ),
    }
    for message, model in cases.items():
        with pytest.raises(ValueError, match=message) as caught:
            model.save(tmp_path / "refused")
        assert "\n" not in str(caught.value)
    assert not [*tmp_path.iterdir()]


def test_in_another_process(runs, path):
    np.save(path.with_suffix(".npy"), np.stack([X, runs[0].outputs(X)]))
    code = f"""
        import sys
        import numpy as np
        import jaxnn as nn
        x, outputs = np.load({str(path.with_suffix(".npy"))!r})
        try:
            nn.load({str(path)!r})
        except ValueError as error:
            assert "specs=[OwnScale]" in str(error) and "\\n" not in str(error), error
        else:
            raise SystemExit("loaded without its layer")
        from tests.io.own import OwnScale
        run = nn.load({str(path)!r})
        np.testing.assert_allclose(run.outputs(x), outputs, rtol=1e-5, atol=1e-6)
        assert run.model.task == "classes" and len(run.evaluate((x, np.zeros(24, int)))) == 4
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    assert done.returncode == 0, done.stderr
