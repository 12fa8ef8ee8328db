"""How a training ends otherwise than well."""

import warnings

import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.data.source import read
from jaxnn.train.ending import told

SCALED = read((np.random.default_rng(0).normal(size=(20, 2)), np.ones(20)))


def test_the_healthy_are_not_spoken_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        told(np.array([-1, -1]), SCALED)
        told(np.array([], int), SCALED)


@pytest.mark.parametrize(
    ("diverged", "words"),
    [
        ([7], "the network diverged, first at step 7, and went back"),
        ([0], "the network diverged, first at step 0"),
        ([-1, 9, 4], "2 of 3 networks diverged, first at step 4"),
        ([-1, 0], "1 of 2 networks diverged, first at step 0"),
    ],
)
def test_one_warning_tells_who_and_when_and_what_to_write(diverged, words):
    with pytest.warns(nn.DivergedWarning, match=words) as caught:
        told(np.array(diverged), SCALED)
    assert len(caught) == 1
    assert "write a smaller learning rate, or nn.clip_by_norm(1.0) in front" in str(caught[0].message)


INCOME = np.random.default_rng(1).normal(5e4, 2e4, 20)
AGES = np.random.default_rng(2).uniform(20, 60, 20)


@pytest.mark.parametrize(
    ("x", "spread"),
    [(np.stack([AGES, INCOME], 1), INCOME.std()), ({"a": SCALED.data.x, "b": AGES[:, None]}, AGES.std()),
     (np.full((20, 1), 2020.0), 0.0)],
    ids=["income", "one of two inputs", "a year"],
)  # fmt: skip
def test_features_that_are_not_scaled_are_told_with_their_largest_spread(x, spread):
    with pytest.warns(nn.DivergedWarning, match="write standardise=True, as features are not scaled") as caught:
        told(np.array([3]), read((x, np.ones(20))))
    words = str(caught[0].message)
    assert f"largest standard deviation is {spread:.3g}," in words and "or a smaller learning rate" in words


@pytest.mark.parametrize(
    ("x", "options"),
    [(np.stack([AGES, INCOME], 1), {"scale": True}), (np.arange(40).reshape(20, 2), {}), (SCALED.data.x * 9, {})],
    ids=["scaled by fit", "ids", "nearly scaled"],
)
def test_features_that_are_scaled_or_no_features_are_not_blamed(x, options):
    with pytest.warns(nn.DivergedWarning) as caught:
        told(np.array([3]), read((x, np.ones(20)), **options))
    assert "standardise" not in str(caught[0].message)


def test_a_training_that_explodes_on_raw_features_says_so_in_fit_and_grid():
    def line(lr):
        return nn.Trial(nn.Dense(1), "squared_error", optax.sgd(lr))

    data = np.stack([AGES, INCOME], 1), AGES
    with pytest.warns(nn.DivergedWarning, match="standardise=True"):
        nn.fit(line, data, dict(lr=0.1), epochs=4, progress=False)
    with pytest.warns(nn.DivergedWarning, match="1 of 2 networks diverged.*standardise=True"):
        nn.grid(line, data, dict(lr=[0.1, 0.0]), epochs=4, progress=False)


def test_an_interruption_is_a_keyboard_interrupt_that_holds_runs():
    with pytest.raises(KeyboardInterrupt, match=r"interrupted; 2 run\(s\) are in the attribute runs") as caught:
        raise nn.Interrupted(["a", "b"])
    assert caught.value.runs == ["a", "b"]
