"""The members of one call: how far they come, where their state lies, and what the host sees in between."""

from types import SimpleNamespace

import jax
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.data.source import read
from jaxnn.train import group as groups
from jaxnn.train.engine import Member
from jaxnn.train.enrol import enrol
from jaxnn.train.group import Group, Standing, going
from jaxnn.train.layout import Alone
from jaxnn.train.population import Population
from jaxnn.train.state import TrainState

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(8, 2)).astype(np.float32), RNG.normal(size=8).astype(np.float32)


def line(lr):
    return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))


class Dealt(Alone):
    """A layout that turns members round and fills their places up."""

    split = []

    def arrange(self, count):
        return np.r_[np.arange(count)[::-1], 0]

    def place(self, tree, by_member=False):
        self.split.append((isinstance(tree, TrainState), by_member))
        return super().place(tree, by_member)


def population(layout, rates=(0.1, 0.01, 0.001), epochs=1000):
    source = read((X, Y))
    return Population(source, [enrol(line, source, {"lr": r}, epochs=epochs, batch_size=4) for r in rates], layout)


def test_who_goes_on_is_neither_stopped_nor_sick_nor_at_its_end():
    state = SimpleNamespace(stopped=np.array([0, 1, 0, 0, 0], bool), diverged=np.array([-1, -1, 0, 7, -1]),
                            epoch=np.array([4, 4, 4, 4, 5]))  # fmt: skip
    member = Member(None, None, None, np.full(5, 5), None)
    assert going(member, state).tolist() == [True, False, False, False, False]


def test_members_come_back_in_order_whatever_their_places():
    dealt, plain = population(Dealt()), population(Alone())
    for pop in (dealt, plain):
        pop.advance(2)
        pop.advance(1)
    assert dealt.groups[0].standing.laid
    assert jax.tree.leaves(dealt.groups[0].standing.state)[0].shape[0] == 4
    jax.tree.map(np.testing.assert_array_equal, dealt.state(), plain.state())
    jax.tree.map(np.testing.assert_array_equal, dealt.history, plain.history)
    assert len({float(v) for v in plain.history["loss"][:, 2]}) == 3
    dealt.begin(dealt.state(), dealt.history, 3)
    assert not dealt.groups[0].standing.laid
    Dealt.split.clear()
    dealt.advance(2), plain.advance(2)
    assert [by for state, by in Dealt.split if state] == [True]  # over the devices, not whole on each
    jax.tree.map(np.testing.assert_array_equal, dealt.state(), plain.state())


def visits_of(pop, epochs, monkeypatch, seconds):
    monkeypatch.setattr(groups, "VISIT_SECONDS", seconds)
    seen = []
    pop.advance(epochs, visited=seen.append)
    return seen


def test_the_host_comes_by_in_steps_that_fit_the_time_and_the_capacity(monkeypatch):
    pop = population(Alone())
    assert visits_of(pop, 4, monkeypatch, 0.0) == [3, 3, 3, 3]  # epochs times members
    assert visits_of(pop, 100, monkeypatch, 1e9) == [3, 3 * 64, 3 * 35]
    assert pop.epoch == 104 and pop.history["loss"].shape == (3, 104)
    assert pop.groups[0].pace > 64


def test_nobody_is_waited_for_who_has_ended():
    pop = population(Alone(), rates=(0.1,), epochs=3)
    seen = []
    pop.advance(50, visited=seen.append)
    assert pop.epoch == sum(seen) == 50
    assert pop.outcome.epochs.tolist() == [3] and pop.history["loss"].shape == (1, 3)
    assert not pop.going.any()


@pytest.mark.parametrize("patient", [True, False])
def test_a_key_press_is_heard_and_what_was_finished_is_kept(patient, monkeypatch):
    pop = population(Alone())
    pop.advance(2)
    monkeypatch.setattr(groups, "PATIENCE_SECONDS", 60 if patient else 0.0)

    class Pressed(groups.Task):
        heard = False

        def result(self):
            if self.heard:
                return super().result()
            self.heard = True
            raise KeyboardInterrupt

        def ready(self, seconds):
            return patient and super().ready(seconds)

    monkeypatch.setattr(groups, "Task", Pressed)
    with pytest.raises(KeyboardInterrupt):
        pop.advance(5)
    standing = pop.groups[0].standing
    if patient:
        assert 2 < standing.epoch <= 7
        np.testing.assert_array_equal(pop.state().epoch, standing.epoch)
        assert pop.history["loss"].shape == (3, standing.epoch)
    else:
        assert standing == Standing(None, False, 0, {})


def test_a_fresh_group_has_done_nothing():
    group = Group(np.arange(2))
    assert group.standing == Standing(None, False, 0, {}) and group.history() == {} and group.pace == 1
    assert group.state(Alone()) is None


def test_the_weights_are_drawn_from_the_seed_as_a_threefry_key():
    pop = population(Alone(), rates=(0.0,))
    pop.advance(1)
    params, _ = nn.linear_regression().init(jax.random.split(jax.random.key(0, impl="threefry2x32"))[0], X[:1])
    np.testing.assert_allclose(pop.state().params["kernel"][0], params["kernel"], rtol=1e-6)


def test_places_that_only_fill_up_do_not_train():
    """With a rate that diverges in the last member, whose copies fill up, nobody goes on after it."""
    from jaxnn.grid.plan import Plan

    pop, plain = population(Plan(1, 1, 8, room=8)), population(Alone())
    pop.advance(2), plain.advance(2)
    state = pop.groups[0].standing.state
    assert len(state.epoch) == 8 and np.asarray(state.epoch).tolist() == [2, 2, 2, 0, 0, 0, 0, 0]
    np.testing.assert_allclose(pop.history["loss"], plain.history["loss"], rtol=1e-5)
