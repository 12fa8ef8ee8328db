"""The door: what newcomers write wrong, each answered by one sentence that says what to write, and nothing compiled."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.train import program

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3)).astype(np.float32)
Y = X @ np.float32([1.0, 2.0, 3.0])
LABELS = (Y > 0).astype(int)
KEY = jax.random.key(0, impl="threefry2x32")
NAN, INF = float("nan"), float("inf")


def values(lr=0.1, l2=0.0, rate=0.1):
    return trial(nn.Sequential(nn.Dropout(rate), nn.Dense(1)), optimizer=optax.chain(nn.l2(l2), optax.sgd(lr)))


def classes(hidden=(4,)):
    return trial(nn.mlp(hidden, out=2), "softmax_cross_entropy")


def trial(model=None, loss="squared_error", optimizer=None, **more):
    return nn.Trial(model or nn.Dense(1), loss, optimizer or optax.sgd(0.1), **more)


def fit(of=values, data=(X, Y), hparams=None, **options):
    return nn.fit(of, data, hparams, **{"epochs": 1, "progress": False, **options})


def grid(space, of=values, data=(X, Y), **options):
    return nn.grid(of, data, space, **{"epochs": 1, "progress": False, **options})


def run(hparams=None, key=KEY, **options):
    return nn.run(values, hparams, key, (X, Y), epochs=1, **options)


@nn.spec
class OneResult:
    def init(self, key, x):
        return {}, {}

    def apply(self, params, state, x, *, key=None, train=False, rows=None):
        return x


def returns_none(lr):
    trial(optimizer=optax.sgd(lr))


OPTIONS = {
    "epochs=0": (lambda: fit(epochs=0), "epochs must be a whole number of at least 1, got 0; write epochs=32"),
    "epochs=2.5": (lambda: fit(epochs=2.5), "epochs must be a whole number of at least 1, got 2.5"),
    "epochs=1e12": (lambda: fit(epochs=10**12), r"epochs must be below 2\*\*31"),
    "no epochs": (lambda: grid(dict(lr=[0.1]), epochs=None), r"write grid\(\.\.\., epochs=100\), or an axis epochs="),
    "epochs as hyperparameter": (lambda: fit(hparams=dict(epochs=3)), r"write fit\(\.\.\., epochs=3\)"),
    "seed as hyperparameter": (lambda: fit(hparams=dict(seed=3)), r"write fit\(\.\.\., seed=3\)"),
    "batch_size=0": (lambda: fit(batch_size=0), "batch_size must be a whole number of at least 1, got 0"),
    "batch_size=1e9": (lambda: grid(dict(lr=[0.1]), batch_size=1e9), "^batch_size must be a whole number"),
    "seed=-1": (lambda: fit(seed=-1), r"a seed must be a whole number in \[0, 2\*\*32\), got -1; write seed=0"),
    "a key for a seed": (lambda: fit(seed=KEY), "a seed must be a whole number"),
    "a seed for a key": (lambda: run(key=7), r'got 7; write jax.random.key\(7, impl="threefry2x32"\)'),
    "a seed for a key of init": (lambda: nn.init(trial(), 0, X), "the key must be one of JAX, got 0"),
    "shuffle_seed=-1": (lambda: fit(shuffle_seed=-1), "shuffle_seed must be a whole number from 0 on, got -1"),
    "shuffle_seed=1.5": (lambda: run(shuffle_seed=1.5), "shuffle_seed must be a whole number"),
    "shuffle in words": (lambda: fit(shuffle="no"), "shuffle must be True or False, got 'no'; write shuffle=False"),
    "standardise in words": (lambda: grid(dict(lr=[0.1]), standardise="yes"), "standardise must be True or False"),
    "validation=1.0": (lambda: fit(validation=1.0), r"validation must lie in \(0, 1\), got 1.0; write validation=0.2"),
    "validation=20": (lambda: fit(validation=20), r"validation must lie in \(0, 1\), got 20; write validation=0.2"),
    "int8": (lambda: fit(precision="int8"), "precision must be None, .* got 'int8'; write .*bfloat16"),
    "int8 in a grid": (lambda: grid(dict(lr=[0.1]), precision="int8"), "^precision must be None"),
    "int8 in run": (lambda: run(precision="int8"), "precision must be None"),
    "no dtype": (lambda: fit(precision="float17"), "precision must be None, .* got 'float17'"),
    "stop=3": (lambda: fit(stop=3), r'stop must be an EarlyStopping, got 3; write stop=nn.EarlyStopping\("val_loss"'),
    "stop of a grid": (lambda: grid(dict(lr=[0.1]), stop=3), "stop must be an EarlyStopping, got 3"),
    "stop of a run": (lambda: run(stop=3), "stop must be an EarlyStopping, got 3"),
    "the class for a stop": (lambda: fit(stop=nn.EarlyStopping), "stop must be an EarlyStopping, got <class"),
    "stop without validation": (lambda: fit(stop=nn.EarlyStopping()), "no validation part; write validation=0.2"),
    "one callback": (lambda: fit(callbacks=print), r"callbacks must be a list of functions.*write callbacks=\[func"),
    "a number for a callback": (lambda: fit(callbacks=[3]), "callbacks must be a list of functions"),
    "a number for a folder": (lambda: fit(folder=3), 'folder must be a path, got 3; write folder="'),
}
DATA = {
    "other rows": (lambda: fit(data=(X, Y[1:])), r"\(12, 3\) and y \(11,\); write one row of x for one row of y"),
    "y lying down": (lambda: fit(data=(X, Y[None])), r"\(12, 3\) and y \(1, 12\)"),
    "y too wide": (lambda: fit(data=(X, np.ones((12, 2)))), r"outputs \(12, 1\) and the targets are \(12, 2\)"),
    "y as a column of labels": (lambda: fit(classes, (X, LABELS[:, None])), r"write labels of shape \(12,\)"),
    "names under numbers": (lambda: fit(data=(X, ["a", "b"] * 6)), "holds 'a' and the loss takes numbers"),
    "no rows": (lambda: fit(data=(X[:0], Y[:0])), "the data has no rows"),
    "no columns": (lambda: fit(data=(X[:, :0], Y)), r"x of the data has shape \(12, 0\).*at least one column"),
    "a number for x": (lambda: fit(data=(3.0, Y)), r"x of the data has shape \(\) and y \(12,\)"),
    "one feature": (lambda: fit(data=(X[:, 0], Y)), r"x\[:, None\] for rows of one feature"),
    "None for x": (lambda: fit(data=(None, Y)), r"x of the data is None; write fit\(trial, \(x, y\)"),
    "x alone": (lambda: fit(data=X), r"the data must be \(x, y\) or \(x, y, weight\), got ndarray"),
    "a dict for mlp": (
        lambda: fit(data=({"a": X}, Y), of=lambda: trial(nn.mlp((2,), out=1))),
        "got a dict of 1; write nn.Graph",
    ),
    "one row is split": (lambda: fit(data=(X[:1], Y[:1]), validation=0.5), "1 rows cannot be split"),
    "ragged": (lambda: fit(data=([[1.0, 2.0], [1.0]], [0, 1])), r"different lengths.*write \(\(sequence, mask\), y\)"),
    "dates": (lambda: fit(data=(np.full((12, 1), "2020-01-01", "M8[D]"), Y)), "holds dates"),
    "NaN in x": (lambda: fit(data=(X * np.float32(NAN), Y)), r"x of the data holds NaN.*x\[numpy.isfinite\(x\)"),
    "NaN in y": (lambda: fit(data=(X, Y * NAN)), r"y of the data holds NaN.*good = numpy.isfinite\(y\)"),
    "too large": (lambda: fit(data=(X, np.full(12, 1e300))), r"holds 1e\+300, which float32 cannot hold"),
    "weights below 0": (lambda: fit(data=(X, Y, -np.ones(12))), "must be 0 or more"),
    "weights of others": (lambda: fit(data=(X, Y, np.ones(3))), r"have shape \(3,\); write one per row, shape \(12,\)"),
    "NaN in weights": (lambda: fit(data=(X, Y, np.full(12, NAN))), r"hold NaN.*numpy.isfinite\(weight\)"),
    "a class too many": (lambda: fit(classes, (X, LABELS + 1)), "class 2 and the model gives 2 outputs"),
    "half a class": (lambda: fit(classes, (X, LABELS + 0.5)), r"write y.astype\(int\)"),
}
TRIALS = {
    "optax.adam": (lambda: trial(optimizer=optax.adam), r"got adam itself, and not what adam\(...\) makes"),
    "a rate for an optimizer": (lambda: trial(optimizer=0.1), "the optimizer of a Trial must be of Optax, got 0.1"),
    "nn.Dense": (lambda: trial(nn.Dense), r"got Dense itself, and not what Dense\(...\) makes"),
    "a list": (lambda: trial([nn.Dense(1)]), r"nn.Sequential\(\*layers\) makes one"),
    "a model for a trial": (lambda: fit(nn.Dense(1)), r'got Dense\(units=1\); write nn.Trial\(model, "squared_error"'),
    "returns None": (lambda: fit(returns_none, hparams=dict(lr=0.1)), "got None; write return nn.Trial"),
    "a loss misspelt": (lambda: fit(trial(loss="squared_eror")), "no loss is named 'squared_eror'; write 'squared_err"),
    "a metric misspelt": (lambda: trial(metrics="acuracy"), "no metric is named 'acuracy'; write 'accuracy', or"),
    "a scalar loss": (lambda: fit(trial(loss=lambda o, t: (o[:, 0] - t).mean())), r"the loss gave \(\) for 12 rows"),
    "a loss of nothing": (lambda: fit(trial(loss=lambda o, t: None)), "the loss gave None for 12 rows"),
    "a loss of three": (lambda: fit(trial(loss=lambda o, t, w: o)), r"cannot be called as loss\(outputs, targets\)"),
    "a loss of whole numbers": (lambda: fit(trial(loss=lambda o, t: (o[:, 0] > t).astype(int))), "has no gradient"),
    "a loss in NumPy": (lambda: fit(trial(loss=lambda o, t: np.abs(o[:, 0]))), "write jax.numpy in it"),
    "a scalar metric": (
        lambda: fit(trial(metrics=nn.Metric("best", lambda o, t: jnp.max(o), rises=True))),
        r"the metric best gave \(\) for 12 rows",
    ),
    "a metric in NumPy": (
        lambda: fit(trial(metrics=nn.Metric("mine", lambda o, t: np.asarray(o)[:, 0], rises=True))),
        "the metric mine is computed with NumPy",
    ),
    "one result": (lambda: fit(trial(nn.Sequential(OneResult(), nn.Dense(1)))), "one_result_0: apply of OneResult ret"),
    "one result alone": (lambda: fit(trial(OneResult())), r"returned an array \(12, 3\).*write return y, state"),
    "a rate in words": (lambda: nn.Dropout("0.5"), r"rate must be a number, got the text '0.5'; write Dropout\(0.5\)"),
    "a strength in words": (lambda: nn.l2("1e-4"), "must be a number, got the text '1e-4'"),
    "one width": (lambda: nn.mlp(64.0, out=1), r"write mlp\(\(64,\), out=1\)"),
}
POINTS = {
    "NaN": (lambda: fit(hparams=dict(lr=NAN)), "the hyperparameter lr holds NaN; write a number, as in lr=1e-3"),
    "NaN in an axis": (lambda: grid(dict(lr=[0.1, NAN])), "the axis lr holds NaN, at number 1; write numbers"),
    "NaN in a point": (lambda: grid([dict(lr=0.1), dict(lr=NAN)]), "^point 1 of the space, .*lr holds NaN"),
    "NaN marked": (lambda: grid(dict(lr=nn.traced([0.1, NAN]))), "^point 1 of the space, .*lr holds NaN"),
    "NaN fixed": (lambda: fit(hparams=dict(lr=nn.static(NAN))), "the hyperparameter lr holds NaN"),
    "beyond float32": (lambda: grid(dict(lr=[0.1, 1e39])), r"^point 1 .*holds 1e\+39, which float32 cannot hold"),
    "beyond int32": (lambda: fit(hparams=dict(lr=nn.traced(2**40))), "holds 1099511627776, which int32 cannot hold"),
    "dropout 1.5": (lambda: grid(dict(rate=[0.1, 0.2, 1.5])), r"^point 2 .*rate must lie in \[0, 1\), got 1.5"),
    "dropout -0.5": (lambda: grid(dict(rate=[0.1, -0.5])), r"^point 1 .*rate must lie in \[0, 1\), got -0.5"),
    "rounds to 1": (lambda: grid(dict(rate=[0.1, 1 - 1e-12])), r"^point 1 .*rate must lie in \[0, 1\), got 1.0"),
    "L2 -1.5": (lambda: grid(dict(l2=[0.1, -1.5])), "^point 1 .*l2 must be 0 or more, got -1.5"),
    "L2 in a population": (lambda: nn.population(values, (X, Y), dict(l2=[0.1, -1.5])), "^point 1 .*got -1.5"),
    "seed -1": (lambda: grid(dict(seed=[0, -1])), "^point 1 .*a seed must be a whole number"),
    "batch size 0": (lambda: grid(dict(batch_size=[8, 0])), "^point 1 .*batch_size must be a whole number"),
    "an unknown name": (lambda: grid(dict(lrr=[0.1])), "no hyperparameter 'lrr'; it takes lr, l2, rate"),
    "no values": (lambda: grid(dict(lr=[])), r"the axis lr has no values; write lr=\[0.1\]"),
    "a generator": (lambda: grid(dict(lr=(v for v in [0.1]))), "lr is a generator; write the list of its values"),
    "a set": (lambda: grid(dict(lr={0.1})), "which cannot be structure"),
    "an imaginary rate": (lambda: fit(hparams=dict(lr=1j)), "lr is 1j, a complex; write a float, lr=0.1"),
    "no dict": (lambda: fit(hparams=[0.1]), r"hyperparameters go by name, got \[0.1\]; write dict\(lr=0.1\)"),
    "no dict in a run": (lambda: run(0.1), "hyperparameters go by name, got 0.1"),
    "ends in words": (lambda: nn.logspace("1e-3", 1, 4), "a range has two numbers as its ends, got '1e-3'"),
    "half a point": (lambda: nn.space.random(2.5, lr=(0, 1)), "n must be a whole number"),
}
GROUPS = {"options": OPTIONS, "data": DATA, "trials": TRIALS, "points": POINTS}
MISTAKES = {f"{group}: {name}": row for group, table in GROUPS.items() for name, row in table.items()}


@pytest.fixture
def nothing_compiles(monkeypatch):
    """Compiling is an error."""

    def refuse(*_):
        raise AssertionError("this compiles")

    monkeypatch.setattr(program.Program, "ready", refuse)


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_answered_by_a_sentence_before_anything_is_compiled(name, nothing_compiles):
    call, sentence = MISTAKES[name]
    with pytest.raises((ValueError, TypeError), match=sentence):
        call()


def test_an_error_of_the_users_own_is_left_as_it_is_and_tells_the_point():
    def broken(lr):
        raise RuntimeError("a bug of mine")

    with pytest.raises(RuntimeError, match="a bug of mine") as caught:
        grid(dict(lr=[0.5]), broken)
    assert caught.value.__notes__ == ["while the trial was built for {'lr': 0.5}"]


def test_what_is_unusual_and_right_passes():
    """An infinite bound clips nothing; kinds of numbers and of arrays are taken for what they are."""

    def clipped(bound):
        return trial(optimizer=optax.chain(nn.clip_by_norm(bound), optax.sgd(0.1)))

    runs = grid(dict(bound=[1.0, INF], epochs=[1]), clipped, epochs=None)
    assert len(runs.diverged) == 0 and runs.table["epochs_done"] == [1, 1]
    plain = runs[1].predict(X)
    for x in (jnp.asarray(X), X.astype(object), list(X), X.astype(float)):
        np.testing.assert_array_equal(runs[1].predict(x), plain)


@pytest.mark.parametrize(
    ("x", "sentence"),
    [(X[:, :2], r"got inputs \(12, 2\); write inputs \(batch, ..., 3\)"), (X[0], r"got inputs \(3,\).*one row alone"),
     (3.0, "the new rows have no rows"), (None, "the new rows have no rows"), (X * np.float32(NAN), "holds NaN")],
    ids=["columns", "one row", "a number", "None", "NaN"],
)  # fmt: skip
def test_new_rows_that_do_not_fit_are_told_as_they_were_given(x, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        fit().predict(x)
    assert "anew" not in str(caught.value) and "model.init" not in str(caught.value)
