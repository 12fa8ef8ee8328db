"""Ask and tell: any sampler, the same numbers as a grid of the same points, and nothing compiled twice."""

import cmaes
import jax
import numpy as np
import optax
import pytest
from scipy.stats import qmc

import jaxnn as nn

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 3)).astype(np.float32)
Y = (X @ np.float32([1.0, -2.0, 0.5])).astype(np.float32)
OPTIONS = dict(batch_size=8, plan="map", validation=0.25, progress=False)


def trial(lr, l2=0.0, hidden=()):
    return nn.Trial(nn.mlp(hidden, out=1), "squared_error", optax.chain(nn.l2(l2), optax.sgd(lr)))


class Script:
    """Asks for what it was given, round by round, and remembers what it was told."""

    def __init__(self, *rounds):
        self.rounds, self.asked, self.told = list(rounds), [], []

    def ask(self, n):
        self.asked.append(n)
        return self.rounds.pop(0) if self.rounds else []

    def tell(self, points, scores):
        self.told.append((points, scores))


FIRST = [dict(lr=0.1), dict(lr=0.05, l2=0.1), dict(lr=0.02, hidden=(2,)), dict(lr=0.01, l2=0.3), dict(lr=0.2)]
SECOND = [dict(lr=0.07, l2=0.01, epochs=5), dict(hidden=(2,), lr=0.03), dict(lr=0.3, l2=0.0)]


def test_it_is_the_grid_of_the_same_points_to_the_bit():
    sampler = Script(FIRST, SECOND)
    runs = nn.ask_tell(sampler, trial, (X, Y), epochs=3, rounds=9, batch=5, **OPTIONS)
    alone = nn.grid(trial, (X, Y), FIRST + SECOND, epochs=3, **OPTIONS)
    assert sampler.asked == [5, 5, 5] and [points for points, _ in sampler.told] == [FIRST, SECOND]
    assert runs.table == alone.table and runs.space == alone.space
    for ours, theirs in zip(runs, alone, strict=True):
        jax.tree.map(np.testing.assert_array_equal, (ours.params, ours.history), (theirs.params, theirs.history))
        assert ours.hparams == theirs.hparams
    scores = np.concatenate([scores for _, scores in sampler.told])
    assert scores.tolist() == alone.table["val_loss"] and scores.dtype == np.float64
    assert runs.best().hparams == alone.best().hparams and runs.replay(6).metrics == runs[6].metrics
    assert runs.default_metric == "val_loss" and len(runs.plan) == 2 and "8" not in str(runs.plan[0].members)


@pytest.mark.parametrize("plan", ["map", "vmap", nn.Plan(1, 2, 4)])
def test_other_floats_and_fewer_points_compile_nothing(plan):
    def fresh(lr):
        return trial(lr)

    options = OPTIONS | dict(plan=plan)
    rounds = [[dict(lr=float(v)) for v in RNG.uniform(0.01, 0.1, n)] for n in (6, 6, 2, 1)]
    first = nn.ask_tell(Script(*rounds[:1]), fresh, (X, Y), epochs=2, rounds=1, batch=6, **options)
    assert first.n_compiles == 2
    four = nn.ask_tell(Script(*rounds), fresh, (X, Y), epochs=2, rounds=4, batch=6, **options)
    assert four.n_compiles == 0 and len(four) == 15
    alone = nn.grid(fresh, (X, Y), [p for points in rounds for p in points], epochs=2, **OPTIONS)
    np.testing.assert_allclose(four.history["val_loss"], alone.history["val_loss"], rtol=1e-5)


def test_a_second_batch_traces_nothing():
    """Held against what JAX itself says it traced, lowered and compiled."""
    events = []

    class Watching(Script):
        def tell(self, points, scores):
            self.told.append(len(events))
            events.clear()

    def listener(name, seconds, **_):
        events.append(name)

    jax.monitoring.register_event_duration_secs_listener(listener)
    try:
        sampler = Watching(*([dict(lr=float(v)) for v in RNG.uniform(0.01, 0.1, n)] for n in (4, 4, 2)))
        nn.ask_tell(sampler, lambda lr: trial(lr), (X, Y), epochs=2, rounds=3, batch=4, **OPTIONS)
    finally:
        jax.monitoring.unregister_event_duration_listener(listener)
    first, *others = sampler.told
    assert first > 0 and others == [0, 0]


def test_scores_are_means_over_seeds_and_nan_where_one_diverged():
    sampler = Script([dict(lr=0.1), dict(lr=1e30), dict(lr=0.05)])
    with pytest.warns(nn.DivergedWarning, match="2 of 6 networks"):
        runs = nn.ask_tell(sampler, trial, (X, Y), epochs=2, rounds=1, seeds=2, metric="loss", **OPTIONS)
    assert runs.table["seed"] == [0, 1] * 3 and runs.table["lr"] == [0.1, 0.1, 1e30, 1e30, 0.05, 0.05]
    (_, scores), loss = sampler.told[0], runs.table["loss"]
    np.testing.assert_allclose(scores, [np.mean(loss[:2]), np.nan, np.mean(loss[4:])])
    alone = nn.fit(trial, (X, Y), dict(lr=0.05), seed=1, epochs=2, batch_size=8, validation=0.25, progress=False)
    assert alone.history["loss"].tolist() == runs[5].history["loss"].tolist()


class Sobol:
    """Points of SciPy's sequence, whatever was told."""

    def __init__(self):
        self.sequence = qmc.Sobol(2, seed=0)

    def ask(self, n):
        low, high = np.log([1e-3, 1e-4]), np.log([0.3, 1e-1])
        return [dict(lr=a, l2=b) for a, b in np.exp(qmc.scale(self.sequence.random(n), low, high)).tolist()]

    def tell(self, points, scores): ...


class Evolution:
    """CMA-ES in the logarithm of the learning rate and of the strength; it minimises."""

    def __init__(self, size):
        mean, bounds = np.array([-5.0, -5.0]), np.array([[-9.0, -1.0], [-9.0, -1.0]])
        self.own = cmaes.CMA(mean=mean, sigma=2.0, bounds=bounds, seed=0, population_size=size)

    def ask(self, n):
        self.drawn = [self.own.ask() for _ in range(n)]
        return [dict(lr=a, l2=b) for a, b in np.exp(self.drawn).tolist()]

    def tell(self, points, scores):
        self.own.tell([*zip(self.drawn, np.nan_to_num(scores, nan=1e9), strict=True)])


@pytest.mark.parametrize("sampler", [Sobol(), Evolution(8)], ids=["Sobol", "CMA-ES"])
def test_samplers_of_other_packages_search(sampler):
    runs = nn.ask_tell(sampler, trial, (X, Y), epochs=4, rounds=8, batch=8, **OPTIONS)
    losses = np.array(runs.table["val_loss"]).reshape(8, 8)
    assert len(runs.cohorts) == 1 and np.isfinite(losses).all()
    if isinstance(sampler, Evolution):
        assert np.median(losses[-1]) < np.median(losses[0])


class Interrupting(Script):
    def ask(self, n):
        if len(self.rounds) == 1:
            raise KeyboardInterrupt
        return super().ask(n)


def test_ctrl_c_keeps_the_batches_before():
    with pytest.raises(nn.Interrupted) as error:
        nn.ask_tell(Interrupting(FIRST, SECOND), trial, (X, Y), epochs=3, rounds=2, batch=5, **OPTIONS)
    assert [run.hparams["lr"] for run in error.value.runs] == [p["lr"] for p in FIRST]
    with pytest.raises(nn.Interrupted) as error:
        nn.ask_tell(Interrupting(FIRST), trial, (X, Y), epochs=3, rounds=2, **OPTIONS)
    assert error.value.runs == []


def call(*rounds, **options):
    return lambda: nn.ask_tell(Script(*rounds), trial, (X, Y), **(dict(epochs=1, rounds=1) | OPTIONS | options))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (call(dict(lr=0.1)), r"ask\(64\) of the sampler returned .* returns a list of dicts"),
        (call([0.1]), r"ask\(64\) of the sampler returned \[0\.1\]"),
        (call(None), r"ask\(64\) of the sampler returned None"),
        (call([]), "asked for no point at all"),
        (
            call([dict(lr=0.1), dict(rate=0.2)]),
            "point 1 of the space, {'rate': 0.2}: the trial has no hyperparameter 'rate'",
        ),
        (call([dict(lr=0.1)], metric="acuracy"), "no 'acuracy'; write metric= one of loss, .*val_loss$"),
        (call([dict(lr=0.1)], metric="val_loss", validation=None), r"no validation part: write validation=0\.2"),
        (call([dict(lr=0.1, seed=1)], seeds=2), "seeds of their own, and seeds= gives others"),
        (call([dict(lr=0.1)], rounds=0), "rounds must be a whole number of at least 1"),
        (call([dict(lr=0.1)], batch=2.5), "batch must be a whole number"),
        (call([dict(lr=0.1)], epochs=0), "epochs must be a whole number"),
        (call([dict(lr=0.1)], size=8), "no argument 'size'; write one of batch_size"),
        (call([dict(lr=0.1)], stop=3), "stop must be an EarlyStopping"),
        (lambda: nn.ask_tell(3, trial, (X, Y), epochs=1, rounds=1), r"a sampler has ask\(n\) and tell"),
    ],
)
def test_what_is_no_search_is_refused_by_the_call_to_write(make, message):
    with pytest.raises(ValueError, match=message):
        make()
