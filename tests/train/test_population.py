"""A population: advanced in pieces, taken apart, put together, watched and stopped, to the bit."""

import jax
import numpy as np
import optax
import pytest

import jaxnn as nn


def assert_equal(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


@pytest.fixture(scope="module")
def three(rich):
    """Three members after four epochs in one go, and their rates."""
    rates = [0.05, 0.02, 0.005]
    pop = rich.population([rich.never] * 3, rates)
    pop.advance(4)
    return pop, rates


def test_it_advances_in_pieces_as_in_one(rich, three):
    pop, rates = three
    pieces = rich.population([rich.never] * 3, rates)
    assert repr(pieces) == "Population(3 members, 0 epochs, 3 go on)" and pieces.going.all()
    for epochs in (1, 2, 1):
        pieces.advance(epochs)
    assert_equal(pieces.state(), pop.state())
    assert_equal(pieces.history, pop.history)
    assert (pieces.epoch, len(pieces), pieces.timing["compiles"]) == (4, 3, 0)
    assert repr(pieces) == "Population(3 members, 4 epochs, 3 go on)"


def test_a_member_is_its_solo_run(rich, three):
    pop, rates = three
    for i, lr in enumerate(rates):
        solo, run = rich.fit(lr=lr, epochs=4), pop.run(i)
        assert_equal(run.last, solo.last)
        assert_equal(run.history, solo.history)
        assert_equal((run.params, run.state), (solo.params, solo.state))
        assert run.hparams == {"lr": lr, "bad": rich.never} and run.best_epoch == solo.best_epoch
    assert_equal(pop.run(-1).params, pop.run(2).params)
    for i in (3, -4):
        with pytest.raises(IndexError, match=r"there are 3 members; write pop.run\(2\) for the last"):
            pop.run(i)


def test_the_table_and_rows_are_the_history(three):
    pop, rates = three
    assert pop.table["lr"] == rates and pop.table["epochs_done"] == [4, 4, 4]
    best = pop.history["val_loss"].argmin(1)
    assert pop.table["best_epoch"] == best.tolist()
    np.testing.assert_array_equal(pop.table["loss"], pop.history["loss"][range(3), best])
    assert_equal(pop.row(2), {name: v[:, 2] for name, v in pop.history.items()})
    assert pop.row(4) == {}


def test_take_goes_on_independently(rich, three):
    pop, rates = three
    before = pop.state()
    for chosen in ((2, 0), range(2), np.array([False, True, False]), 1, slice(1, None)):
        numbers = np.arange(3)[list(chosen) if isinstance(chosen, tuple) else chosen].reshape(-1)
        some = pop.take(chosen)
        assert some.table["lr"] == [rates[i] for i in numbers] and some.epoch == 4
        assert_equal(some.state(), jax.tree.map(lambda a, n=numbers: a[n], before))
        assert_equal(some.history, {name: v[numbers] for name, v in pop.history.items()})
    some.advance(2)
    assert_equal(some.run(1).last, rich.fit(lr=rates[2], epochs=6).last)
    assert pop.epoch == 4
    assert_equal(pop.state(), before)
    fresh = rich.population([rich.never] * 2, [0.05, 0.02]).take([1])
    fresh.advance(2)
    assert_equal(fresh.run(0).last, rich.fit(lr=0.02, epochs=2).last)
    for nobody in ([], np.zeros(3, bool)):
        with pytest.raises(ValueError, match=r"no member is chosen; write pop.take\(\[0\]\)"):
            pop.take(nobody)


def test_who_is_put_goes_on_as_the_winner_would(rich, three):
    pop, _ = three
    pop = pop.take([0, 1, 2])
    pop.put([2, 1], pop.take([0, 0]), lr=[0.05, 0.01])
    assert pop.table["lr"] == [0.05, 0.01, 0.05] and pop.epoch == 4
    assert_equal(pop.history["loss"][2], pop.history["loss"][0])
    pop.advance(2)
    winner = rich.fit(lr=0.05, epochs=6)
    assert_equal(pop.run(0).last, winner.last)
    assert_equal(pop.run(2).last, winner.last)
    assert_equal(pop.run(2).history, winner.history)
    changed = rich.fit(lr=0.01, epochs=2, start=rich.fit(lr=0.05, epochs=4))
    assert_equal(pop.run(1).last, changed.last)
    assert pop.run(1).hparams["lr"] == 0.01


def test_who_is_put_keeps_its_own_seed(rich):
    pop = rich.population([rich.never] * 2, 0.05, seed=[4, 7])
    pop.advance(2)
    pop.put(1, pop.take(0))
    assert pop.table["seed"] == [4, 7] and pop.run(1).seed == 7
    assert_equal(pop.run(1).params, pop.run(0).params)
    pop.advance(1)
    continued = rich.fit(lr=0.05, epochs=1, start=rich.fit(epochs=2, seed=4), seed=7)
    assert_equal(pop.run(1).last, continued.last)
    assert not np.array_equal(pop.history["loss"][0, 2], pop.history["loss"][1, 2])


def test_what_cannot_be_put_is_refused(rich, three):
    pop, _ = three
    with pytest.raises(ValueError, match=r"2 places and 1 members; write pop.put\(losers, pop.take\(winners\)\)"):
        pop.put([0, 1], pop.take([2]))
    younger = rich.population([rich.never], 0.05)
    younger.advance(1)
    with pytest.raises(ValueError, match="members of another structure, or after other epochs, cannot be put here"):
        pop.put([0], younger)
    other = rich.population([rich.never], 0.05, batch_size=6)
    other.advance(4)
    with pytest.raises(ValueError, match="members of another structure"):
        pop.put([0], other)
    with pytest.raises(ValueError, match=r"'lr': 1.* is another structure; only numbers that ride inside the program"):
        pop.put([0], pop.take([1]), lr=1)
    with pytest.raises(ValueError, match="no hyperparameter 'rate'"):
        pop.put([0], pop.take([1]), rate=0.1)


def test_callbacks_come_when_they_are_due(rich, three):
    full, rates = three
    seen = {"each": [], "second": []}

    def each(population, epoch, row):
        seen["each"].append((epoch, population.epoch, row["loss"].tolist()))

    def second(population, epoch, row):
        seen["second"].append(epoch)

    second.every = 2
    pop = rich.population([rich.never] * 3, rates)
    pop.advance(3, [second, each])
    pop.advance(1, [second, each])
    assert seen["second"] == [2, 4]
    assert seen["each"] == [(e, e, full.history["loss"][:, e - 1].tolist()) for e in (1, 2, 3, 4)]
    assert_equal(pop.state(), full.state())
    third = []
    only = lambda population, epoch, row: third.append(epoch)  # noqa: E731
    only.every = 3
    pop = rich.population([rich.never] * 3, rates)
    pop.advance(4, [only])
    pop.advance(4, [only])
    assert third == [3, 6] and pop.epoch == 8


def test_a_callback_may_stop_members(rich, three):
    full, rates = three

    def third(population, epoch, row):
        if epoch == 2:
            population.stop([1])

    pop = rich.population([rich.never] * 3, rates)
    pop.advance(4, [third])
    assert pop.table["epochs_done"] == [4, 2, 4] and pop.going.tolist() == [True, False, True]
    assert np.isnan(pop.history["loss"][1, 2:]).all()
    assert_equal(pop.run(1).params, rich.fit(lr=rates[1], epochs=2).params)
    assert_equal(pop.run(2).last, full.run(2).last)
    pop.stop([0, 2])
    called = []
    pop.advance(5, [lambda population, epoch, row: called.append(epoch)])
    assert pop.epoch == 9 and pop.table["epochs_done"] == [4, 2, 4] and len(called) <= 1


def test_chunks_are_one_after_the_other_and_the_same(rich, three):
    full, rates = three
    pop = rich.population([rich.never] * 3, rates, plan=nn.Plan(devices=1, width=1, chunk=2))
    assert [group.members.tolist() for group in pop.groups] == [[0, 1], [2]]
    weights = []
    pop.advance(3, visited=weights.append)
    assert sum(weights) == 3 * 3 and pop.epoch == 3
    pop.advance(1)
    assert_equal(pop.state(), full.state())
    assert_equal(pop.history, full.history)
    assert not pop.groups[0].standing.laid and pop.going.all()


def test_before_the_first_epoch_there_are_no_weights(rich):
    pop = rich.population([rich.never])
    with pytest.raises(ValueError, match=r"the population has no weights yet; write pop.advance\(1\) first"):
        pop.state()


def test_saved_and_loaded_it_goes_on(rich, three, tmp_path):
    pop, rates = three
    pop.save(tmp_path / "pop")
    again = nn.Population.load(tmp_path / "pop", rich.trial, rich.data)
    assert_equal(again.state(), pop.state())
    again.advance(2)
    assert_equal(again.run(1).last, rich.fit(lr=rates[1], epochs=6).last)


def test_the_weights_to_use_are_the_best_or_an_average_or_the_last(rich):
    watched, averaged = rich.fit(epochs=3), rich.fit(epochs=3, stop=None)
    assert_equal(watched.params, watched.last.best.params)
    expected = nn.averaged(averaged.last.opt_state, averaged.last.params)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), averaged.params, expected)
    assert averaged.best_epoch == 2
    assert not np.array_equal(averaged.params["dense_0"]["kernel"], averaged.last.params["dense_0"]["kernel"])
    plain = nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(0.1))
    run = nn.fit(plain, (rich.x, rich.y), epochs=2, progress=False)
    assert_equal(run.params, run.last.params)
