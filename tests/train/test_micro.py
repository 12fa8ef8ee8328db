"""Accumulation over micro-batches: the step of the whole batch, in the memory of a part of it."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.train.micro import micro_rows, pieced
from jaxnn.train.program import programs

RNG = np.random.default_rng(0)
X = RNG.normal(size=(21, 4)).astype(np.float32)
Y = (X[:, 0] + 0.3 * RNG.normal(size=21) > 0).astype(np.int32)
OPTIONS = dict(epochs=2, batch_size=8, progress=False)


def same(ours, theirs, rtol=1e-5):
    """Raise unless two runs have one history and one set of weights."""
    assert list(ours.history) == list(theirs.history)
    for name, values in theirs.history.items():
        np.testing.assert_allclose(ours.history[name], values, rtol=rtol, atol=1e-6, err_msg=name)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), ours.params, theirs.params)


def test_weights_padding_and_metrics_are_those_of_the_whole_batch():
    """17 rows in steps of 8: the last has 1 row and 7 of padding, so that micro-batches have no row at all."""
    metrics = ("roc_auc", "f1")
    trial = nn.Trial(nn.mlp((5,), out=2), "softmax_cross_entropy", optax.adam(1e-2), metrics, class_weight="balanced")
    data = X[:17], Y[:17], RNG.uniform(0, 2, 17).astype(np.float32)
    whole = nn.fit(trial, data, **OPTIONS)
    for micro in (4, 2):
        same(nn.fit(trial, data, micro=micro, **OPTIONS), whole)


def test_several_outputs_and_metrics_over_moments():
    heads = nn.Graph(("cls", nn.Dense(2), "x"), ("reg", nn.Dense(1), "x"), outputs=("cls", "reg"))
    loss = {"cls": "softmax_cross_entropy", "reg": "squared_error"}
    trial = nn.Trial(nn.Sequential(nn.Dense(4, "tanh"), heads), loss, optax.sgd(0.1), {"reg": "r2"},
                     loss_weights={"reg": 0.3})  # fmt: skip
    data = X, {"cls": Y, "reg": X[:, :1]}
    same(nn.fit(trial, data, micro=2, **OPTIONS), nn.fit(trial, data, **OPTIONS))


def test_steps_that_count_one_by_one_are_those_of_the_whole_batch():
    """Rows of 4, 3, 2 and 1 steps: the mean over the steps of a batch is no mean of the means of its parts."""
    rows = RNG.normal(size=(8, 4, 3)).astype(np.float32)
    mask = (np.arange(4)[None] < np.array([4, 1, 3, 2, 1, 1, 4, 2])[:, None]).astype(np.float32)
    trial = nn.Trial(nn.Sequential(nn.Dense(4, "tanh"), nn.Dense(2)), "softmax_cross_entropy", optax.sgd(0.5))
    data = (rows, mask), (rows.sum(-1) > 0).astype(np.int32)
    whole = nn.fit(trial, data, **OPTIONS)
    same(nn.fit(trial, data, micro=2, **OPTIONS), whole)
    assert (
        abs(nn.fit(trial, data, **(OPTIONS | {"batch_size": 2})).history["loss"][-1] - whole.history["loss"][-1]) > 1e-3
    )


def test_a_step_is_that_of_optax_over_as_many():
    """`optax.MultiSteps` takes the mean of the gradients of equal parts, one step for four."""
    params, state = nn.mlp((5,), out=2).init(jax.random.key(1), X[:1])

    def loss(params, rows):
        logits = nn.mlp((5,), out=2).apply(params, state, X[rows])[0]
        return optax.softmax_cross_entropy_with_integer_labels(logits, Y[rows]).mean()

    optimizer, theirs = optax.MultiSteps(optax.adam(1e-2), 4), params
    opt_state = optimizer.init(params)
    for rows in np.arange(16).reshape(-1, 2):
        with jax.numpy_dtype_promotion("standard"):
            updates, opt_state = optimizer.update(jax.grad(loss)(theirs, rows), opt_state, theirs)
        theirs = optax.apply_updates(theirs, updates)
    trial = nn.Trial(nn.mlp((5,), out=2), "softmax_cross_entropy", optax.adam(1e-2))
    run = nn.fit(trial, (X[:16], Y[:16]), start=params, shuffle=False, micro=2, **(OPTIONS | {"epochs": 1}))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), run.params, theirs)


def test_running_statistics_take_one_micro_batch_after_the_other():
    trial = nn.Trial(nn.Sequential(nn.BatchNorm(0.9), nn.Dense(1)), "squared_error", optax.sgd(0.0))
    run = nn.fit(trial, (X[:8], X[:8, 0]), shuffle=False, micro=4, **(OPTIONS | {"epochs": 1}))
    mean = np.zeros(4)
    for part in (X[0:8:2], X[1:8:2]):
        mean = 0.9 * mean + 0.1 * part.mean(0)
    (found,) = [a for path, a in jax.tree_util.tree_leaves_with_path(run.state) if "mean" in str(path)]
    np.testing.assert_allclose(found, mean, rtol=1e-5)


def test_each_micro_batch_draws_masks_of_its_own():
    """Two equal halves: under one mask for both, the loss would be that of a half."""
    trial = nn.Trial(nn.Sequential(nn.Dropout(0.5), nn.Dense(1)), "squared_error", optax.sgd(0.0))
    twice = np.repeat(X[:4], 2, axis=0)
    options = OPTIONS | {"epochs": 1, "shuffle": False}
    both = nn.fit(trial, (twice, twice[:, 0]), micro=4, **options).history["loss"][0]
    key = jax.random.fold_in(jax.random.split(jax.random.key(0, impl="threefry2x32"))[1], 0)
    params = nn.fit(trial, (twice, twice[:, 0]), **options).params
    losses = [
        float(np.mean((trial.model.apply(params, {}, X[:4], key=jax.random.fold_in(key, i), train=True)[0][:, 0]
                       - X[:4, 0]) ** 2)) for i in (0, 1)
    ]  # fmt: skip
    assert losses[0] != losses[1]
    np.testing.assert_allclose(both, np.mean(losses), rtol=1e-5)


def test_a_search_along_a_line_evaluates_the_whole_batch():
    trial = nn.Trial(nn.mlp((3,), out=2), "softmax_cross_entropy", nn.lbfgs())
    options = OPTIONS | {"batch_size": None}
    same(nn.fit(trial, (X, Y), micro=8, **options), nn.fit(trial, (X, Y), **options), rtol=1e-4)


def test_memory_falls():
    trial = nn.Trial(nn.mlp((256, 256, 256), out=2), "softmax_cross_entropy", optax.sgd(0.1))
    rows = RNG.normal(size=(1024, 8)).astype(np.float32)

    def temporary(micro):
        pop = nn.population(trial, (rows, np.zeros(1024, int)), {"seed": [0]}, batch_size=1024, micro=micro)
        pop.advance(1)
        (program,) = programs(pop.recipe, pop.layout).train.compiled.values()
        return program.memory_analysis().temp_size_in_bytes

    assert temporary(64) < 0.5 * temporary(None)


def test_members_of_a_grid_and_a_folder(tmp_path):
    def line(lr):
        return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))

    data, options = (X, X[:, 0]), OPTIONS | {"micro": 4, "folder": tmp_path}
    runs = nn.grid(line, data, dict(lr=[0.1, 0.01]), **(options | {"folder": None}))
    run = nn.fit(line, data, dict(lr=0.01), **(options | {"epochs": 1}))
    same(nn.fit(line, data, dict(lr=0.01), **options), runs[1])
    assert run.epochs == 1
    with pytest.raises(ValueError, match="micro was 4, and not None"):
        nn.fit(line, data, dict(lr=0.01), **(options | {"micro": None}))


@pytest.mark.parametrize(
    ("micro", "message"),
    [
        (3, r"micro=3 does not divide the 8 rows of a step; write micro=2, or batch_size=9"),
        (0, "micro must be a whole number of at least 1"),
        (2.0, "micro must be a whole number"),
    ],
)
def test_what_does_not_divide_is_refused(micro, message):
    trial = nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(0.1))
    with pytest.raises(ValueError, match=message):
        nn.fit(trial, (X, X[:, 0]), micro=micro, **OPTIONS)


def test_rows_of_a_step():
    assert micro_rows(8, 16, 100) == 8  # one micro-batch is all of the step
    assert micro_rows(21, 8, 21) == 24  # all rows, filled up
    assert pieced({"a": jnp.arange(12).reshape(2, 6)}, 3, axis=1)["a"].tolist() == [
        [[0, 3], [1, 4], [2, 5]], [[6, 9], [7, 10], [8, 11]]
    ]  # fmt: skip


def test_a_stream_is_refused_as_rows_in_memory_are():
    trial = nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(0.1))
    batches = lambda: ((X[i : i + 10], X[i : i + 10, 0]) for i in range(0, 30, 10))  # noqa: E731
    with pytest.raises(ValueError, match="micro=12 does not divide the 32 rows of a step"):
        nn.fit(trial, batches, epochs=1, batch_size=32, micro=12, progress=False)
