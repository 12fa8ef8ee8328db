"""Rows as the budget: each round is a fit on a sample of the rows, taken by index."""

import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.data.source import read
from jaxnn.search.rows import nested


@pytest.mark.parametrize("batch_size", [4, None], ids=["batches", "full batch"])
def test_a_round_is_the_fit_on_these_rows_alone(problem, batch_size):
    x, y = problem.data
    source = read(problem.data, 0.3, task="classes")
    rates = [0.5, 0.1, 0.05, 0.01]
    options = dict(epochs=3, batch_size=batch_size, search=nn.Halving(factor=2, budget="rows", metric="val_loss"))
    runs = problem.grid(dict(lr=rates, wide=True), **options)
    assert [(r.budget, len(r.members)) for r in runs.rungs] == [(source.rows // 4, 4), (source.rows // 2, 2), (16, 1)]
    for rung, run in zip(runs.table["rung"], runs, strict=True):
        rows = np.sort(nested(source)[0][: runs.rungs[rung].budget])
        solo = nn.fit(problem.trial, (x[rows], y[rows]), run.hparams, epochs=3, batch_size=batch_size, progress=False,
                      validation=(source.held[0].x, source.held[0].y))  # fmt: skip
        for name, values in run.history.items():
            np.testing.assert_array_equal(values, solo.history[name])
        problem.assert_same_weights(run, solo)


def test_the_last_round_is_the_training_on_all_rows(problem):
    runs = problem.grid(dict(lr=problem.rates), epochs=3, search=nn.Halving(budget="rows", metric="val_loss"))
    best = runs.best("val_loss")
    problem.assert_same_weights(best, problem.solo({"lr": best.hparams["lr"]}, 3))


def test_weights_that_are_given_are_where_each_round_begins(problem):
    start = problem.solo({"lr": 0.1}, 3).params
    search = nn.Halving(budget="rows", metric="val_loss")
    runs = problem.grid(dict(lr=problem.rates), epochs=3, search=search, start=start)
    best = runs.best("val_loss")
    again = nn.fit(problem.trial, problem.data, best.hparams, epochs=3, start=start, **problem.options)
    problem.assert_same_weights(best, again)


def test_runs_cannot_go_on_where_each_round_begins_anew(problem):
    short = problem.grid(dict(lr=[0.1, 0.01]), epochs=2, states=True)
    with pytest.raises(ValueError, match=r"write start=run.params"):
        problem.grid(dict(lr=[0.1, 0.01]), epochs=2, start=short, search=nn.Halving(budget="rows"))


def test_runs_go_on_where_members_do(problem):
    short = problem.grid(dict(lr=[0.1, 0.01, 0.05]), epochs=2, states=True)
    runs = problem.grid(dict(lr=[0.1, 0.01, 0.05]), epochs=7, start=short, search=nn.Halving(metric="val_loss"))
    assert sorted(runs.table["epochs_done"]) == [2, 2, 9] and runs.rungs[0].budget == 1
    problem.assert_alone(runs)


def test_rows_of_a_stream_are_no_budget():
    def line(lr):
        return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))

    batches = [(np.ones((4, 1), np.float32), np.ones(4, np.float32))] * 3
    with pytest.raises(ValueError, match=r'these come as a stream; write nn.Halving\(budget="epochs"\)'):
        nn.grid(line, batches, dict(lr=[0.1, 0.2]), epochs=2, search=nn.Halving(budget="rows", metric="loss"))


def test_micro_batches_divide_the_steps_of_every_round():
    def line(lr):
        return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))

    x = np.random.default_rng(0).normal(size=(48, 2))
    options = dict(epochs=2, batch_size=40, validation=0.1, progress=False)
    search = nn.Halving(3, budget="rows", metric="val_loss")
    rates = [0.1, 0.03, 0.01, 0.003, 0.2, 0.05, 0.02, 0.001]
    whole, pieced = (nn.grid(line, (x, x[:, 0]), dict(lr=rates), micro=m, search=search, **options) for m in (None, 4))
    np.testing.assert_allclose(whole.table["val_loss"], pieced.table["val_loss"], rtol=1e-5)
