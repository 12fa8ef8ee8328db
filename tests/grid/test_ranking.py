"""The best by a mean over seeds and folds, against pandas."""

import numpy as np
import pytest

import jaxnn as nn

RNG = np.random.default_rng(1)
SPACE = dict(lr=[0.1, 0.01, 0.001], l2=[0.0, 0.1], seed=range(4))


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("over", ["seed", ("seed",), ("seed", "l2")])
def test_the_best_over_seeds_is_the_best_of_the_setting_of_the_best_mean(made_runs, over, mode):
    runs = made_runs(SPACE, val_loss=RNG.normal(size=24))
    frame = runs.to_pandas()
    kept = [name for name in SPACE if name not in ([over] if isinstance(over, str) else over)]
    mean = frame.groupby(kept)["val_loss"].transform("mean")
    own = frame[mean == getattr(mean, mode)()]["val_loss"]
    assert runs.best("val_loss", mode, over=over).number == getattr(own, f"idx{mode}")()


def test_alone_the_best_is_that_of_a_single_run(made_runs):
    runs = made_runs(dict(lr=[0.1, 0.2], seed=[0, 1]), val_loss=[0.0, 9.0, 1.0, 2.0])
    assert runs.best().number == 0 and runs.best(over="seed").number == 2


def test_a_setting_of_which_a_seed_diverged_comes_last_and_one_that_diverged_is_told(made_runs):
    space = dict(lr=[0.1, 0.2], seed=[0, 1])
    runs = made_runs(space, val_loss=[0.0, 0.0, 8.0, 9.0], diverged=[1])
    assert runs.best(over="seed").number == 2
    runs = made_runs(space, val_loss=[0.0, 0.0, 8.0, 9.0], diverged=[0, 1, 2, 3])
    with pytest.warns(nn.DivergedWarning, match="every run diverged"):
        runs.best(over="seed")


def test_over_an_axis_that_is_none(made_runs):
    with pytest.raises(ValueError, match="the space has no axis 'sead'; choose one of lr, seed"):
        made_runs(dict(lr=[0.1], seed=[0, 1]), val_loss=[0.0, 1.0]).best(over="sead")
