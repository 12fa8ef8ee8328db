"""Where a training begins: from drawn weights, given ones, and runs that go on as if never stopped."""

import jax
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.data.source import read
from jaxnn.train.begin import shapes
from jaxnn.train.enrol import enrol

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(8, 2)).astype(np.float32), RNG.normal(size=8).astype(np.float32)


def assert_equal(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


def net(lr, width=3, out=1):
    return nn.Trial(nn.mlp((width,), out=out), "squared_error", optax.adam(lr))


def fit(trial=net, hparams=None, y=Y, **options):
    return nn.fit(trial, (X, y), hparams or {"lr": 0.1}, **{"epochs": 2, "progress": False, **options})


def test_five_epochs_and_five_more_are_ten_to_the_bit(rich):
    whole = rich.fit(epochs=10)
    half = rich.fit(epochs=5)
    more = rich.fit(epochs=5, start=half)
    assert_equal(more.last, whole.last)
    assert_equal(more.history, whole.history)
    assert_equal((more.params, more.state), (whole.params, whole.state))
    assert (more.epochs, more.best_epoch, more.seed) == (10, whole.best_epoch, 0) and half.epochs == 5


def test_the_seed_goes_on_too(rich):
    whole = rich.fit(epochs=4, seed=9)
    more = rich.fit(epochs=2, start=rich.fit(epochs=2, seed=9))
    assert more.seed == 9
    assert_equal(more.last, whole.last)
    other = rich.fit(epochs=2, start=rich.fit(epochs=2, seed=9), seed=3)
    assert other.seed == 3 and not np.array_equal(other.history["loss"], whole.history["loss"])
    np.testing.assert_array_equal(other.history["loss"][:2], whole.history["loss"][:2])


def test_who_stopped_or_fell_sick_stays_as_it_is(rich):
    with pytest.warns(nn.DivergedWarning):
        sick = rich.fit(bad=9, epochs=5)
    with pytest.warns(nn.DivergedWarning):
        more = rich.fit(bad=9, epochs=5, start=sick)
    assert more.epochs == 2 and more.diverged == 10
    assert_equal(more.last, sick.last)


def test_a_list_of_runs_goes_on_member_by_member():
    runs = nn.grid(net, (X, Y), {"lr": [0.1, 0.01]}, epochs=2, plan="map", states=True, progress=False)
    more = nn.grid(net, (X, Y), {"lr": [0.1, 0.01]}, epochs=3, plan="map", states=True, progress=False,
                   start=[runs[0], runs[1]])  # fmt: skip
    whole = nn.grid(net, (X, Y), {"lr": [0.1, 0.01]}, epochs=5, plan="map", states=True, progress=False)
    for a, b in zip(more, whole, strict=True):
        assert_equal(a.last, b.last)
        assert_equal(a.history, b.history)


def test_runs_that_ended_at_different_epochs_go_on_together_only_where_rows_agree():
    long, short = fit(epochs=3), fit(epochs=2)
    with pytest.raises(ValueError, match=r"runs of \[2, 3\] epochs see other rows next and cannot go on together"):
        nn.grid(net, (X, Y), {"lr": [0.1, 0.1]}, epochs=3, start=[long, short], progress=False)


def test_weights_for_all_or_one_for_each():
    given = fit(epochs=3).params
    run = fit(start=given, hparams={"lr": 0.0})
    assert_equal(run.params, given)
    assert repr(run.taken).startswith("taken over: dense_0/bias") and run.epochs == 2
    other = jax.tree.map(lambda a: a * 2, given)
    runs = nn.grid(net, (X, Y), {"lr": [0.0, 0.0]}, epochs=1, start=[given, other], plan="map", progress=False)
    assert_equal(runs[0].params, given)
    assert_equal(runs[1].params, other)
    both = nn.grid(net, (X, Y), {"lr": [0.0, 0.0], "seed": [1]}, epochs=1, start=given, plan="map", progress=False)
    assert_equal(both[1].params, given)


def test_what_does_not_match_is_drawn_anew():
    given = fit(epochs=1).params
    targets = np.stack([Y, Y], 1)
    fresh = fit(lambda lr: net(lr, out=2), y=targets, hparams={"lr": 0.0})
    run = fit(lambda lr: net(lr, out=2), y=targets, hparams={"lr": 0.0}, start=given)
    assert_equal(run.params["dense_0"], given["dense_0"])
    assert_equal(run.params["dense_1"], fresh.params["dense_1"])
    assert run.taken.anew == ("dense_1/bias", "dense_1/kernel") == run.taken.unused


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.grid(net, (X, Y), {"lr": [0.1, 0.2]}, epochs=1, progress=False, start=[fit(epochs=1).params]),
         "start= holds 1 and there are 2 members; write one, or one for each"),
        (lambda: nn.population(net, (X, Y), {"lr": [0.1]}, start=[fit(epochs=1)] * 2),
         "start= holds 2 and there are 1 members"),
        (lambda: nn.grid(net, (X, Y), {"lr": [0.1, 0.2]}, epochs=1, progress=False,
                         start=[fit(epochs=1), fit(epochs=1).params]), "start= holds runs and weights; write runs for"),
        (lambda: fit(start=fit(hparams={"lr": 0.1, "width": 4}), hparams={"lr": 0.1, "width": 5}),
         r"cannot go on in this training: .params.*bias.* was \(\(4,\), 'float32'\) and is to be \(\(5,\)"),
        (lambda: fit(start=fit(), stop=nn.EarlyStopping("loss")),
         r"cannot go on in this training: .best.* was absent and is to be"),
        (lambda: fit(start=fit(stop=nn.EarlyStopping("loss"))), r"\.best.* and is to be absent; give the same model"),
        (lambda: fit(start={"other": np.ones(2)}), "no leaf of the weights given to start= matches"),
        (lambda: fit(start=nn.grid(net, (X, Y), {"lr": [0.1]}, epochs=1, progress=False)[0]),
         "the last state of the run was not kept; write start=run.params to begin from its weights alone, or train"),
        (lambda: nn.grid(net, (X, Y), {"lr": [0.1, 0.2]}, epochs=1, progress=False,
                         start=[{"dense_0": fit().params["dense_0"]}, {"dense_1": fit().params["dense_1"]}]),
         "the weights given to start= match in different leaves; write weights of one structure"),
    ],
)  # fmt: skip
def test_wrong_starts_are_refused_with_the_first_difference(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_shapes_of_a_state_are_known_before_anything_is_computed():
    source = read((X, Y), 0.25)
    entry = enrol(net, source, {"lr": 0.1}, epochs=1, batch_size=4, stop=nn.EarlyStopping("val_loss"))
    found = shapes(entry, source)
    assert found.params["dense_0"]["kernel"].shape == (2, 3) == found.best.params["dense_0"]["kernel"].shape
    assert set(found.metrics) == {"loss", "val_loss"}
