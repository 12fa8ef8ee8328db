"""A training on a stream is the training on its rows in memory, to the bit; and what only streams can do."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import jax
import numpy as np
import optax
import pytest

import jaxnn as nn
import jaxnn.train.stream_programs as sizes

RNG = np.random.default_rng(0)
X = RNG.normal(size=(101, 4)).astype(np.float32)
Y = (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype(np.int32)
WEIGHT = RNG.uniform(0.5, 2, 101).astype(np.float32)
HELD = (X[:30] + 0.1, Y[:30])
OPTIONS = dict(epochs=3, batch_size=16, progress=False)


def trial(lr, bad=1e9):
    """Dropout, running statistics, a penalty, an average: everything that a state holds."""
    rate = optax.adam(lambda step: jax.numpy.where(step >= bad, jax.numpy.nan, lr))
    chain = optax.chain(nn.l2(1e-3), rate, nn.ema(0.9))
    return nn.Trial(
        nn.mlp((6,), out=2, dropout=0.2, batch_norm=True), "softmax_cross_entropy", chain, class_weight={1: 2.0}
    )


def batches(*arrays, size=13):
    return [tuple(a[i : i + size] for a in arrays) for i in range(0, len(arrays[0]), size)]


@pytest.fixture(autouse=True)
def short_blocks(monkeypatch):
    """Three steps a block: the seven of an epoch end in the middle of one."""
    monkeypatch.setattr(sizes, "BLOCK_STEPS", 3)


def fit(data, lr=0.01, **more):
    return nn.fit(trial, data, {"lr": lr, "bad": more.pop("bad", 1e9)}, **{**OPTIONS, **more})


def same(a, b):
    trees = [(run.params, run.state, run.last) for run in (a, b)]
    ours, theirs = ({jax.tree_util.keystr(p): v for p, v in jax.tree_util.tree_leaves_with_path(t)} for t in trees)
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
    assert a.history.keys() == b.history.keys()
    for name in a.history:
        np.testing.assert_array_equal(a.history[name], b.history[name], err_msg=name)


@pytest.fixture(scope="module")
def memory():
    """The training in memory, in order."""
    plain = fit((X, Y), shuffle=False, validation=HELD)
    return SimpleNamespace(plain=plain, weighed=fit((X, Y, WEIGHT), shuffle=False, validation=HELD))


class Endless:
    """An iterable that can be read again."""

    def __iter__(self):
        return iter(batches(X, Y, size=50))


@pytest.mark.parametrize(
    "data",
    [
        batches(X, Y),
        lambda: iter(batches(X, Y, size=40)),
        lambda epoch: batches(X, Y, size=1 + epoch),
        Endless(),
        nn.stream((X, Y)),
        nn.stream(batches(X, Y), prefetch=3),
        nn.stream(itertools.cycle(batches(X, Y, size=101)), steps_per_epoch=7),
    ],
    ids=["list", "function", "function of the epoch", "iterable", "arrays", "prefetch", "endless"],
)
def test_a_stream_is_the_training_in_memory(memory, data):
    if getattr(data, "steps_per_epoch", None):  # its last step has rows of the next turn, so all are full
        rows = 7 * 16 * 3
        full = fit((np.tile(X, (4, 1))[:rows], np.tile(Y, 4)[:rows]), shuffle=False, validation=HELD, epochs=1)
        jax.tree.map(np.testing.assert_array_equal, fit(data, validation=HELD).params, full.params)
        return
    same(fit(data, shuffle=False, validation=HELD), memory.plain)


def test_weights_and_streams_of_validation(memory):
    same(fit(batches(X, Y, WEIGHT), validation=HELD), memory.weighed)
    same(fit(batches(X, Y, WEIGHT), validation=batches(*HELD, size=7)), memory.weighed)


def test_arrays_are_shuffled_and_split_as_in_memory():
    """The training is equal to the bit; its validation part is read too, and another program sums it up."""
    ours, theirs = (fit(data, validation=0.2) for data in (nn.stream((X, Y)), (X, Y)))
    for name in ("params", "state"):
        jax.tree.map(np.testing.assert_array_equal, getattr(ours, name), getattr(theirs, name))
    for name, values in theirs.history.items():
        np.testing.assert_allclose(ours.history[name], values, rtol=3e-7 if name.startswith("val_") else 0)


def test_batches_as_they_are():
    """Ragged batches are padded: the steps are those of a loop over them."""
    ragged = [(X[:16], Y[:16]), (X[16:20], Y[16:20]), (X[20:36], Y[20:36])]
    plain = nn.Trial(nn.mlp((6,), out=2, batch_norm=True), "softmax_cross_entropy", optax.adam(0.01))
    state = nn.init(plain, jax.random.key(0, impl="threefry2x32"), X[:1])
    run = nn.fit(plain, ragged, batch_size=None, epochs=1, progress=False)
    for x, y in ragged:
        state, _ = nn.step(plain, state, (x, y))
    assert int(run.last.step) == 3
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), run.last.params, state.params)
    with pytest.raises(ValueError, match=r"batch 1 of the stream has 30 rows.*batch_size=30"):
        fit([(X[:16], Y[:16]), (X[:30], Y[:30])], batch_size=None, epochs=1)


def test_members_see_the_same_batches_whatever_the_plan():
    space = dict(lr=[0.01, 0.03, 0.1], seed=[0, 1])
    options = {**OPTIONS, "states": True}
    whole = nn.grid(trial, batches(X, Y), space, plan="map", **options)
    same(whole[0], fit((X, Y), shuffle=False))
    chunked = nn.grid(trial, batches(X, Y), space, plan=nn.Plan(1, 1, 4), **options)
    for a, b in zip(whole, chunked, strict=True):
        same(a, b)
    beside = nn.grid(trial, batches(X, Y), space, plan="vmap", **options)
    in_memory = nn.grid(trial, (X, Y), space, plan="vmap", shuffle=False, **options)
    for a, b in zip(beside, in_memory, strict=True):
        np.testing.assert_allclose(a.history["loss"], b.history["loss"], rtol=1e-5)


def test_a_sick_member_goes_back_to_the_beginning_of_its_epoch():
    with pytest.warns(nn.DivergedWarning):
        sick, theirs = (fit(data, bad=10, shuffle=False, validation=HELD) for data in (batches(X, Y), (X, Y)))
    assert sick.diverged == theirs.diverged == 11
    same(sick, theirs)
    with pytest.warns(nn.DivergedWarning):
        runs = nn.grid(trial, batches(X, Y), dict(lr=[0.01], bad=[10.0, 1e9]), plan="vmap", **OPTIONS)
    assert [run.diverged for run in runs] == [11, None]


def test_stopping_and_callbacks():
    stop = nn.EarlyStopping("val_loss", patience=1)
    seen = []
    options = dict(stop=stop, validation=HELD, epochs=12, lr=0.3, shuffle=False)
    run = fit(batches(X, Y), callbacks=[lambda pop, epoch, row: seen.append((epoch, float(row["loss"][0])))], **options)
    theirs = fit((X, Y), **options)
    same(run, theirs)
    assert 1 < run.epochs < 12
    assert [loss for _, loss in seen[: run.epochs]] == run.history["loss"].tolist()


def test_going_on(memory):
    run = fit(batches(X, Y), shuffle=False, validation=HELD, epochs=1)
    same(fit(batches(X, Y), shuffle=False, validation=HELD, epochs=2, start=run), memory.plain)


def test_populations_are_taken_apart():
    pop = nn.population(
        trial, nn.stream(batches(X, Y), steps_per_epoch=5), dict(lr=[0.01, 0.03]), batch_size=16, plan="map"
    )
    pop.advance(1)
    part = pop.take([1])
    part.advance(2)
    pop.advance(2)
    same(part.run(0), pop.run(1))


def test_balanced_classes_and_standardised_columns_are_learned_before():
    def balanced(lr):
        return nn.Trial(nn.mlp((6,), out=2), "softmax_cross_entropy", optax.adam(lr), class_weight="balanced")

    far = 100 * X + 7
    options = dict(epochs=2, batch_size=16, progress=False, shuffle=False, standardise=True)
    a, b = (nn.fit(balanced, data, dict(lr=0.01), **options) for data in ((far, Y), batches(far, Y)))
    np.testing.assert_allclose(a.model.standardiser.mean, b.model.standardiser.mean, rtol=1e-12)
    np.testing.assert_allclose(a.model.standardiser.scale, b.model.standardiser.scale, rtol=1e-12)
    np.testing.assert_allclose(a.history["loss"], b.history["loss"], rtol=1e-5)
    with pytest.raises(ValueError, match=r"can be read once.*prepare="):
        nn.fit(balanced, iter(batches(far, Y)), dict(lr=0.01), **{**options, "epochs": 1})


def test_what_can_be_read_once():
    same(fit(iter(batches(X, Y)), epochs=1), fit(batches(X, Y), epochs=1))
    with pytest.raises(ValueError, match=r"can be read once, and epochs=3.*lambda: batches\(\)"):
        fit(iter(batches(X, Y)))
    with pytest.raises(ValueError, match="2 populations"):
        nn.grid(trial, iter(batches(X, Y)), dict(lr=[0.1], bad=nn.static([1e9, 2e9])), **{**OPTIONS, "epochs": 1})
    with pytest.raises(ValueError, match="2 populations or chunks"):
        nn.grid(trial, iter(batches(X, Y)), dict(lr=[0.1, 0.2]), plan=nn.Plan(1, 1, 1), **{**OPTIONS, "epochs": 1})
    with pytest.raises(ValueError, match=r"ends in epoch 1.*steps_per_epoch"):
        fit(nn.stream(iter(batches(X, Y)), steps_per_epoch=5))


def test_the_clock_needs_to_know_the_steps():
    def timed(lr, clock):
        return nn.Trial(
            nn.mlp((6,), out=2), "softmax_cross_entropy", optax.sgd(lambda step: lr * (1 - step / clock.steps))
        )

    with pytest.raises(ValueError, match=r"asks for its clock.*steps_per_epoch"):
        nn.fit(timed, lambda: batches(X, Y), dict(lr=0.1), **OPTIONS)
    a, b = (nn.fit(timed, data, dict(lr=0.1), shuffle=False, **OPTIONS) for data in (batches(X, Y), (X, Y)))
    same(a, b)


def test_a_batch_that_does_not_fit_ends_the_training_in_a_sentence():
    late = batches(X, Y)
    for bad, sentence in [
        ((X[:5], Y[:5] + 1), "holds the target 2, and classes are 0 to 1"),
        ((X[:5, :3], Y[:5]), r"x of batch 8 of the stream has rows \(3,\)"),
        ((np.full((5, 4), np.nan, np.float32), Y[:5]), "batch 8 of the stream holds NaN"),
        ((X[:5], Y[:4]), "batch 8 of the stream has shape"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            fit([*late, bad])


def test_an_error_of_the_source_is_the_users_own():
    def broken():
        yield from batches(X, Y)[:2]
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        fit(broken)
    assert threading.active_count() < 20


def test_searches_run_on_streams():
    runs = nn.grid(
        trial, batches(X, Y), dict(lr=[0.01, 0.03, 0.1]), search=nn.Halving(factor=3, metric="loss"), **OPTIONS
    )
    assert sorted(run.epochs for run in runs) == [1, 1, 3]
    with pytest.raises(ValueError, match="leave on= out"):
        nn.grid(trial, batches(X, Y), dict(lr=[0.1]), on=ThreadPoolExecutor(1), **OPTIONS)
