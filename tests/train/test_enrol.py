"""Members to be: points sorted, built and checked before anything is compiled."""

import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.data.folded import read_parts
from jaxnn.data.source import read
from jaxnn.train.enrol import check, enrol, whole

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(20, 3)), RNG.integers(0, 2, 20)
SOURCE, HELD, FOLDS = read((X, Y)), read((X, Y), 0.25), read_parts((X, Y), folds=4)


def trial(lr, dropout=0.0, width=4):
    return nn.Trial(nn.mlp((width,), out=2, dropout=dropout), "softmax_cross_entropy", optax.sgd(lr))


def entry(point, source=SOURCE, *, epochs=3, batch_size=8, **options):
    return enrol(trial, source, point, epochs=epochs, batch_size=batch_size, **options)


def test_a_point_is_sorted_into_what_is_shared_and_what_is_its_own():
    point, stop = {"lr": 0.5, "width": 8, "seed": 7, "fold": 2}, nn.EarlyStopping("loss", patience=3)
    one = entry(point, FOLDS, stop=stop, epochs=9)
    assert one.point == {"lr": 0.5, "width": 8, "seed": 7, "fold": 2}
    assert one.hparams == {"lr": 0.5, "width": 8}
    assert (one.seed, one.epochs, one.shuffle) == (7, 9, True)
    assert (one.recipe.batch_size, one.recipe.steps_per_epoch, one.recipe.held) == (8, 2, True)
    assert one.recipe.rewind and one.recipe.precision is None
    member = one.member({"lr": 1})
    assert member.hparams == {"lr": 1} and member.key.tolist() == [0, 7] and member.key.dtype == np.uint32
    assert member.epochs == 9 and member.part == 2 and member.epochs.dtype == member.part.dtype == np.int32
    assert float(member.stop.patience) == 3 and member.stop.patience.dtype == np.float32
    assert entry({"lr": 0.5}).member({}).part == 0 and entry({"lr": 0.5}).seed == 0
    assert one.trial().model == trial(0.5, width=8).model


def test_axes_of_the_engines_own_beat_the_options():
    own = entry({"lr": 0.5, "epochs": 5, "batch_size": None, "seed": 2**32 - 1})
    assert (own.epochs, own.seed, own.shuffle) == (5, 2**32 - 1, False)
    assert (own.recipe.batch_size, own.recipe.steps_per_epoch) == (20, 1)
    assert entry({"lr": 0.5}, HELD, batch_size=100).recipe.batch_size == 15
    assert entry({"lr": 0.5}, HELD, batch_size=7).recipe.steps_per_epoch == 3
    assert entry({"lr": 0.5}, HELD).recipe.held


def test_equal_structures_share_a_program():
    base = entry({"lr": 0.5, "dropout": 0.1}).structure
    assert hash(base) == hash(entry({"dropout": 0.2, "lr": 0.1, "seed": 3, "epochs": 8}).structure)
    assert base == entry({"dropout": 0.2, "lr": 0.1, "seed": 3, "epochs": 8}).structure
    others = [
        entry({"lr": 0.5, "dropout": 0}), entry({"lr": 0.5, "dropout": 0.1, "width": 5}),
        entry({"lr": 0.5, "dropout": 0.1}, batch_size=7), entry({"lr": 0.5, "dropout": 0.1}, shuffle=False),
        entry({"lr": 0.5, "dropout": 0.1}, HELD), entry({"lr": 0.5, "dropout": 0.1}, rewind=False),
        entry({"lr": 0.5, "dropout": 0.1}, precision="bfloat16"),
        entry({"lr": np.full(2, 0.5), "dropout": 0.1}),
    ]  # fmt: skip
    assert all(other.structure != base for other in others)
    two, three = (entry({"lr": np.full(n, 0.5)}).structure for n in (2, 3))
    assert two != three


@pytest.mark.parametrize(
    ("point", "options", "message"),
    [
        ({"lr": 0.1, "seed": -1}, {}, r"a seed must be a whole number in \[0, 2\*\*32\), got -1; write seed=0"),
        ({"lr": 0.1, "seed": 2**32}, {}, "a seed must be"),
        ({"lr": 0.1, "seed": True}, {}, "a seed must be"),
        ({"lr": 0.1, "seed": 1.0}, {}, "a seed must be"),
        ({"lr": 0.1, "epochs": 0}, {}, "epochs must be a whole number of at least 1, got 0; write epochs=32"),
        ({"lr": 0.1, "epochs": 2.0}, {}, "epochs must be a whole number"),
        ({"lr": 0.1, "batch_size": 0}, {}, "batch_size must be a whole number"),
        ({"lr": 0.1, "batch_size": True}, {}, "batch_size must be a whole number"),
        ({"lr": float("nan")}, {}, "lr holds NaN"),
        ({"l1": 0.1}, {}, "no hyperparameter 'l1'"),
        ({"lr": 0.1}, {"precision": "int8"}, "precision must be None, .* got 'int8'; write precision="),
    ],
)
def test_what_does_not_fit_is_refused(point, options, message):
    with pytest.raises(ValueError, match=message):
        entry(point, **options)


def test_whole_numbers():
    for value in (1, 7, np.int64(3), np.uint8(1)):
        whole("n", value)
    for value in (0, -1, True, 1.0, "1", None, np.float64(1)):
        with pytest.raises(ValueError, match=r"n must be a whole number of at least 1, got .*; write n=32"):
            whole("n", value)


def test_a_trial_that_cannot_be_built_tells_for_which_point():
    with pytest.raises(ValueError, match=r"rate must lie in \[0, 1\), got 1.5") as caught:
        entry({"lr": 0.1, "dropout": 1.5}).trial()
    assert caught.value.__notes__ == ["while the trial was built for {'lr': 0.1, 'dropout': 1.5}"]


@pytest.mark.parametrize("bad", [1.5, -0.5])
@pytest.mark.parametrize("place", [0, 2])
def test_every_point_of_a_grid_is_checked_the_last_as_well_as_the_first(bad, place):
    rates = [0.1, 0.2, 0.3]
    rates[place] = bad
    with pytest.raises(ValueError, match="rate must lie in"):
        nn.grid(trial, (X, Y), {"lr": [0.1], "dropout": rates}, epochs=1, progress=False)


@pytest.mark.parametrize(
    ("data", "held", "stop", "message"),
    [
        ((X, Y + 1), None, None, "holds class 2 and the model gives 2 outputs"),
        ((X, Y), (X, Y + 1), None, "y of the validation data holds class 2"),
        ((X, Y), None, nn.EarlyStopping("val_loss"), "stopping looks at 'val_loss' and there is no validation part"),
    ],
)
def test_shapes_labels_and_stopping_are_checked(data, held, stop, message):
    source = read(data, held)
    one = entry({"lr": 0.1}, source, stop=stop)
    with pytest.raises(ValueError, match=message):
        check(one, one.trial(), source)


def test_what_fits_passes():
    for source, stop in ((SOURCE, nn.EarlyStopping("loss")), (HELD, nn.EarlyStopping("val_loss")), (HELD, None)):
        one = entry({"lr": 0.1}, source, stop=stop)
        check(one, one.trial(), source)


def test_the_clock_is_what_the_training_takes():
    seen = []

    def timed(lr, clock):
        seen.append(clock)
        return trial(lr)

    enrol(timed, HELD, {"lr": 0.1}, epochs=5, batch_size=4).trial()
    assert seen == [(4, 5, 20)] and all(type(v) is int for v in seen[0])


def test_a_schedule_over_the_clock_where_epochs_are_an_axis():
    """The rate falls to nothing at the end, whichever end a member has: NumPy by hand."""

    def cosine(lr, clock):
        return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(nn.schedules.cosine(lr, clock.steps)))

    x, y = np.float32(X), np.float32(X @ [1.0, 2.0, 3.0])
    runs = nn.grid(cosine, (x, y), {"lr": [0.1], "epochs": [2, 5]}, epochs=1, batch_size=10, shuffle=False,
                   plan="map", progress=False)  # fmt: skip
    assert runs.n_compiles == 2
    for run, epochs in zip(runs, (2, 5), strict=True):
        kernel, bias = start_of(x)
        for step in range(2 * epochs):
            rows = slice(step % 2 * 10, step % 2 * 10 + 10)
            rate = 0.05 * (1 + np.cos(np.pi * step / (2 * epochs)))
            residual = x[rows] @ kernel + bias - y[rows]
            kernel, bias = kernel - rate * 2 * residual @ x[rows] / 10, bias - rate * 2 * residual.mean()
        np.testing.assert_allclose(run.params["kernel"][:, 0], kernel, rtol=1e-4)


def start_of(x):
    fresh = nn.fit(lambda lr: nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr)), (x, x[:, 0]),
                   {"lr": 0.0}, epochs=1, progress=False)  # fmt: skip
    return np.asarray(fresh.params["kernel"], float)[:, 0], float(fresh.params["bias"][0])
