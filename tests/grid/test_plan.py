"""Which plan is chosen, and that members side by side share their rows."""

import jax
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.grid.plan import TINY_WIDTH, choose, even, work_of

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 5)).astype(np.float32)
Y = RNG.integers(0, 3, 30)


def trial(lr, hidden=()):
    return nn.Trial(nn.mlp(hidden, 3), "softmax_cross_entropy", optax.sgd(lr))


def chosen(**space):
    space = {"lr": nn.logspace(1e-3, 1.0, 6), **space}
    return nn.grid(trial, (X, Y), space, epochs=1, progress=False).plan[0].plan


@pytest.mark.parametrize("devices", [1, 2, 5])
def test_blocks_are_even_and_none_is_too_wide(devices):
    for members in range(1, 300):
        width, each = even(members, devices), -(-members // devices)
        blocks = -(-each // width)
        assert 1 <= width <= TINY_WIDTH and blocks == -(-each // TINY_WIDTH)
        assert blocks * width - each < blocks


def test_small_networks_go_side_by_side_and_large_ones_one_after_the_other():
    assert chosen(hidden=[(4,)]).width == 6
    assert chosen(hidden=[(80, 80)]).width == 1


def test_a_single_layer_goes_side_by_side_whatever_its_size():
    def width(*shapes):
        params = [jax.ShapeDtypeStruct(shape, np.float32) for shape in shapes]
        return choose("auto", 6, work_of(params, 10**6), 1).width

    assert width((640, 100), (100,)) == 6
    assert width((640, 100), (100,), (100, 10), (10,)) == width((3, 3, 1, 8), (8,)) == 1


@pytest.mark.parametrize("plan", [nn.Plan(1, 3), "vmap"])
def test_members_side_by_side_end_each_at_its_own_epoch(plan):
    space = nn.space.zip(lr=[0.5, 0.1, 1e38, 0.02, 0.3], epochs=[3, 7, 7, 1, 5])
    stop = nn.EarlyStopping("loss", patience=1, min_delta=0.05)
    options = dict(epochs=7, batch_size=8, stop=stop, progress=False)
    with pytest.warns(nn.DivergedWarning, match="1 of 5 networks"):
        runs = nn.grid(trial, (X, Y), space, plan=plan, **options)
    with pytest.warns(nn.DivergedWarning, match="1 of 5 networks"):
        alone = nn.grid(trial, (X, Y), space, plan="map", **options)
    assert runs.table["epochs_done"] == alone.table["epochs_done"]
    assert len(set(runs.table["epochs_done"])) > 2
    assert runs.table["diverged_at"] == alone.table["diverged_at"] and runs.table["diverged_at"][2] is not None
    for one, other in zip(runs, alone, strict=True):
        assert one.best_epoch == other.best_epoch
        for name in one.history:
            np.testing.assert_allclose(one.history[name], other.history[name], rtol=1e-5, atol=1e-6)
