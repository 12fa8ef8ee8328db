"""An ensemble in one file: the ensemble that was saved, whatever its members are."""

import jax
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.core import files

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 3))
Y = (X[:, 0] > 0).astype(int)


def net(lr, hidden):
    return nn.Trial(nn.mlp(hidden, out=2, batch_norm=True), "softmax_cross_entropy", optax.sgd(lr))


@pytest.fixture(scope="module")
def ensemble():
    space = dict(lr=[0.1, 0.2], hidden=[(3,), (2, 2)])
    runs = nn.grid(net, (X, Y), space, epochs=2, standardise=True, validation=0.2, progress=False)
    return runs.top(3, "val_loss").ensemble()


def test_it_comes_back_to_the_bit(ensemble, tmp_path):
    ensemble.save(tmp_path / "three.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["three.safetensors"]
    back = nn.load(tmp_path / "three.safetensors")
    assert isinstance(back, nn.Ensemble) and len(back) == 3
    np.testing.assert_array_equal(back.predict_proba(X), ensemble.predict_proba(X))
    assert back.evaluate((X, Y)) == ensemble.evaluate((X, Y))
    for ours, theirs in zip(back.runs, ensemble.runs, strict=True):
        assert repr(ours) == repr(theirs) and ours.spec == theirs.spec
        assert jax.tree.structure(ours.params) == jax.tree.structure(theirs.params)
    back.save(tmp_path / "again")
    assert files.read(tmp_path / "again")[1] == files.read(tmp_path / "three.safetensors")[1]


def test_a_loss_of_ones_own_is_given_back_to_all(tmp_path):
    def steep(outputs, targets):
        return (outputs[:, 0] - targets) ** 4

    trial = nn.Trial(nn.linear_regression(), steep, optax.sgd(0.01))
    runs = nn.grid(trial, (X, X[:, 0]), dict(seed=[0, 1]), epochs=1, progress=False)
    ensemble = nn.Ensemble(tuple(runs))
    ensemble.save(tmp_path / "own")
    np.testing.assert_array_equal(nn.load(tmp_path / "own").predict(X), ensemble.predict(X))
    back = nn.load(tmp_path / "own", loss=steep)
    assert back.evaluate((X, X[:, 0])) == ensemble.evaluate((X, X[:, 0]))


def test_damage_is_one_sentence(ensemble, tmp_path):
    path = tmp_path / "three"
    for change in (
        lambda tree, meta: tree.pop("1"),
        lambda tree, meta: tree["2"]["params"].clear(),
        lambda tree, meta: meta.update(runs=[]),
        lambda tree, meta: meta.update(runs=3),
        lambda tree, meta: meta["runs"][1].update(loss="squared_error"),
    ):
        ensemble.save(path)
        tree, meta = files.read(path)
        change(tree, meta)
        files.write(path, tree, meta)
        with pytest.raises(ValueError, match="three holds no model that this version") as caught:
            nn.load(path)
        assert "\n" not in str(caught.value)
