"""A trial: what it is made of, how it is built, and its names checked at the door."""

import functools

import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.train.trial import build, check_names

LINE = nn.linear_regression()
CALL = "write Trial\\(nn.mlp"


def line(lr, *, l2=0.0):
    return nn.Trial(LINE, "squared_error", optax.chain(nn.l2(l2), optax.sgd(lr)))


def test_accuracy_comes_by_itself_where_targets_are_classes():
    assert nn.Trial(nn.mlp((2,), out=3), "softmax_cross_entropy", optax.sgd(0.1)).metric_names == ("accuracy",)
    assert nn.Trial(nn.logistic_regression(), "sigmoid_cross_entropy", optax.sgd(0.1)).metric_names == ("accuracy",)
    assert nn.Trial(LINE, "squared_error", optax.sgd(0.1)).metric_names == ()
    both = nn.Trial(LINE, "squared_error", optax.sgd(0.1), metrics=("r2", "mean_absolute_error"))
    assert both.metric_names == ("r2", "mean_absolute_error")
    assert nn.Trial(LINE, "squared_error", optax.sgd(0.1), metrics="r2").metrics == ("r2",)


def test_loss_and_task_by_name_and_by_function():
    def fourth(outputs, targets):
        return (outputs[:, 0] - targets) ** 4

    own = nn.Trial(LINE, fourth, optax.sgd(0.1))
    assert own.heads[0].loss.rows is fourth and own.task is None and own.metric_names == ()
    named = nn.Trial(LINE, "squared_error", optax.sgd(0.1))
    assert float(named.heads[0].loss(jnp.array([[3.0]]), jnp.array([1.0]))[0]) == 4.0
    assert nn.Trial(nn.mlp((2,), out=3), "softmax_cross_entropy", optax.sgd(0.1)).task == "classes"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((nn.Dense, "squared_error", optax.sgd(0.1)), TypeError, f"the model of a Trial must be a spec, got .*{CALL}"),
        ((LINE, "squared_error", 0.1), TypeError, f"the optimizer of a Trial must be of Optax, got 0.1; {CALL}"),
        ((LINE, "squared_error", type("Half", (), {"init": 1})), TypeError, "must be of Optax"),
        ((LINE, "squared_error", type("Half", (), {"update": 1})), TypeError, "must be of Optax"),
        ((LINE, "squared_error", optax.sgd(0.1), (), 3), TypeError, "stop must be an EarlyStopping, got 3; write nn.E"),
        ((LINE, "squared", optax.sgd(0.1)), ValueError, "squared"),
        ((LINE, "squared_error", optax.sgd(0.1), "speed"), ValueError, "speed"),
    ],
)
def test_a_trial_of_other_things_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        nn.Trial(*arguments)


def test_an_update_gets_only_the_extra_arguments_that_it_takes():
    seen = []

    def narrow(updates, state, params=None, *, epoch):
        seen.append(epoch)
        return updates, state

    def wide(updates, state, params=None, **extra):
        seen.append(sorted(extra))
        return updates, state

    def init(params):
        return ()

    for update in (narrow, wide):
        trial = nn.Trial(LINE, "squared_error", optax.GradientTransformationExtraArgs(init, update))
        assert trial.update(1.0, (), 2.0, epoch=3, metrics={"loss": 1}) == (1.0, ())
    plain = nn.Trial(LINE, "squared_error", optax.sgd(0.5))
    assert float(plain.update(jnp.float32(2), optax.sgd(0.5).init(jnp.float32(1)), epoch=3, value=1)[0]) == -1.0
    assert seen == [3, ["epoch", "metrics"]]


def test_stopping_stands_in_one_place():
    stop, other = nn.EarlyStopping(patience=1), nn.EarlyStopping(patience=2)
    bare = nn.Trial(LINE, "squared_error", optax.sgd(0.1))
    own = nn.Trial(LINE, "squared_error", optax.sgd(0.1), stop=stop)
    assert bare.stopping(None) is bare and own.stopping(None) is own
    assert bare.stopping(other).stop is other and bare.stopping(other).optimizer is bare.optimizer
    with pytest.raises(ValueError, match="the trial has a stop of its own, and stop= gives another; write one"):
        own.stopping(other)


def test_build_hands_over_hyperparameters_and_the_clock_where_it_is_asked_for():
    made = []

    def clock():
        made.append(1)
        return nn.Clock(5, 3, 15)

    def timed(lr, clock):
        assert clock == (5, 3, 15)
        return line(lr)

    assert isinstance(build(timed, {"lr": 0.1}, clock), nn.Trial) and made == [1]
    assert isinstance(build(line, {"lr": 0.1}, clock), nn.Trial) and made == [1]
    assert build(functools.partial(timed, clock=nn.Clock(5, 3, 15)), {"lr": 0.1}).loss == "squared_error"
    trial = line(0.1)
    assert build(trial, {}) is trial
    with pytest.raises(TypeError, match="a trial function must return a Trial, got 3"):
        build(lambda: 3, {})


def own_clock(lr, clock):
    return line(lr)


def takes_all(lr, **others):
    return line(lr)


def with_epochs(lr, epochs=50):
    return line(lr)


@pytest.mark.parametrize(
    ("trial", "names"),
    [(line, ["lr"]), (line, ["l2", "lr"]), (own_clock, ["lr"]), (takes_all, ["lr", "whatever"]), (line(0.1), [])],
)
def test_names_that_fit_pass(trial, names):
    check_names(trial, names)


@pytest.mark.parametrize(
    ("trial", "names", "message"),
    [
        (line, ["lr", "l3"], "no hyperparameter 'l3'; it takes lr, l2: write one of these, or add l3"),
        (line, ["l2"], r"the hyperparameter 'lr' has no value; write dict\(lr=..., ...\)"),
        (takes_all, ["l2"], "the hyperparameter 'lr' has no value"),
        (lambda: line(0.1), ["lr"], "it takes none"),
        (line(0.1), ["lr", "l2"], "a Trial has no hyperparameter 'l2'; write a function def trial"),
        (own_clock, ["lr", "clock"], "no hyperparameter 'clock'"),
        (42, [], "a trial is a Trial or a function that returns one, got 42"),
    ],
)
def test_names_that_do_not_fit_are_refused(trial, names, message):
    with pytest.raises(ValueError, match=message):
        check_names(trial, names)


@pytest.mark.parametrize("name", ["epochs", "seed", "batch_size", "fold"])
@pytest.mark.parametrize("door", ["fit", "run", "grid"])
def test_an_argument_with_a_name_of_the_engines_own_is_refused(name, door, key):
    source = f"lambda lr, {name}=3: line(lr)"
    trial = eval(source, {"line": line})
    data, options = (np.ones((4, 1)), np.ones(4)), dict(epochs=1)
    call = {
        "fit": lambda: nn.fit(trial, data, {"lr": 0.1}, progress=False, **options),
        "run": lambda: nn.run(trial, {"lr": 0.1}, key, data, **options),
        "grid": lambda: nn.grid(trial, data, {"lr": [0.1]}, progress=False, **options),
    }[door]
    with pytest.raises(ValueError, match=f"the trial has an argument '{name}', which is the engine's own.*rename it"):
        call()


def test_a_trial_is_compared_by_identity():
    assert line(0.1) != line(0.1)
