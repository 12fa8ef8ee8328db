"""Which plan is chosen, and that members side by side share their rows."""

import dataclasses
import math
from types import SimpleNamespace

import jax
import numpy as np
import optax
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jaxnn as nn
from jaxnn.core.precision import precision_of

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 5)).astype(np.float32)
Y = RNG.integers(0, 3, 30)


def trial(lr, hidden=()):
    return nn.Trial(nn.mlp(hidden, 3), "softmax_cross_entropy", optax.sgd(lr))


@pytest.mark.parametrize("plan", [nn.Plan(1, 3), "vmap"])
def test_members_side_by_side_end_each_at_its_own_epoch(plan):
    space = nn.space.zip(lr=[0.5, 0.1, 1e38, 0.02, 0.3], epochs=[3, 7, 7, 1, 5])
    stop = nn.EarlyStopping("loss", patience=1, min_delta=0.05)
    options = dict(epochs=7, batch_size=8, stop=stop, progress=False)
    with pytest.warns(nn.DivergedWarning, match="1 of 5 networks"):
        runs = nn.grid(trial, (X, Y), space, plan=plan, **options)
    with pytest.warns(nn.DivergedWarning, match="1 of 5 networks"):
        alone = nn.grid(trial, (X, Y), space, plan="map", **options)
    assert runs.table["epochs_done"] == alone.table["epochs_done"]
    assert len(set(runs.table["epochs_done"])) > 2
    assert runs.table["diverged_at"] == alone.table["diverged_at"] and runs.table["diverged_at"][2] is not None
    for one, other in zip(runs, alone, strict=True):
        assert one.best_epoch == other.best_epoch
        for name in one.history:
            np.testing.assert_allclose(one.history[name], other.history[name], rtol=1e-5, atol=1e-6)


COUNTS = st.integers(1, 40)
PLANS = st.builds(nn.Plan, st.integers(1, 9), st.integers(1, 9), st.one_of(st.none(), st.integers(1, 50)))


@given(PLANS, COUNTS)
def test_every_member_has_a_place_and_devices_are_full(plan, members):
    places = plan.arrange(members)
    block = plan.devices * plan.width
    assert len(places) == block * math.ceil(members / block)
    found, first = np.unique(places, return_index=True)
    assert found.tolist() == list(range(members))
    np.testing.assert_array_equal(places[first], np.arange(members))
    assert np.isin(places, [*range(members)]).all() and (np.bincount(places)[:-1] == 1).all()


@given(PLANS, COUNTS)
def test_members_are_dealt_like_cards(plan, members):
    of_device = plan.arrange(members).reshape(plan.devices, -1)
    for device, own in enumerate(of_device):
        whole = np.arange(device, plan.devices * of_device.shape[1], plan.devices)
        np.testing.assert_array_equal(own, np.minimum(whole, members - 1))


@given(PLANS, COUNTS)
def test_a_fitted_plan_holds_all_members_and_is_no_larger_than_they_fill(plan, members):
    fitted = plan.fitted(members)
    assert 1 <= fitted.devices <= min(plan.devices, members) and 1 <= fitted.width <= plan.width
    assert fitted.fitted(members) == fitted and fitted.chunk == min(plan.chunk or members, members)
    if fitted.width < plan.width:
        assert fitted.devices * fitted.width >= members > fitted.devices * (fitted.width - 1)
    if fitted.devices < plan.devices:
        assert fitted.devices == members


@given(PLANS, COUNTS, st.integers(1, 60))
def test_any_number_of_members_lies_in_a_room_and_only_blocks_without_members_are_idle(plan, members, room):
    plan = dataclasses.replace(plan, room=max(room, members)).fitted(members)
    assert plan.fitted(max(1, members - 1)) == plan == plan.fitted(plan.room)
    called = min(members, plan.chunk)
    order, idle = plan.arrange(called), plan.idle(called)
    assert len(order) == len(plan.arrange(min(plan.room, plan.chunk))) == len(idle)
    found, first = np.unique(order, return_index=True)
    assert found.tolist() == list(range(called)) and not idle[first].any()
    real = np.isin(np.arange(len(order)), first).reshape(-1, plan.width)
    np.testing.assert_array_equal(~idle.reshape(-1, plan.width), np.repeat(real.any(1)[:, None], plan.width, 1))


@pytest.mark.parametrize(("width", "trained"), [(1, 3), (2, 4), (4, 4)])
def test_places_that_are_idle_are_not_trained(width, trained):
    """Of eight places those that stand beside no member end before their first epoch."""
    from jaxnn.train.population import Population

    pop = nn.population(trial, (X, Y), dict(lr=[0.5, 0.1, 0.02]), epochs=2, plan=nn.Plan(1, width))
    roomy = Population(pop.source, pop.entries, nn.Plan(1, width, room=8).fitted(3))
    pop.advance(2), roomy.advance(2)
    for name in pop.history:
        np.testing.assert_allclose(roomy.history[name], pop.history[name], rtol=0 if width == 1 else 1e-6)
    epochs = np.asarray(roomy.groups[0].standing.state.epoch)
    assert len(epochs) == 8 and (epochs > 0).sum() == trained and set(epochs) == {0, 2}
    fewer = roomy.take([2, 0])
    fewer.advance(0)
    assert len(fewer) == 2 and fewer.layout == roomy.layout


def test_a_width_is_rounded_up_so_that_one_call_holds_all():
    assert nn.Plan(2, 4).fitted(5) == nn.Plan(2, 3, 5)
    assert nn.Plan(2, 4).fitted(7) == nn.Plan(2, 4, 7)
    assert nn.Plan(3, 9).fitted(10) == nn.Plan(3, 4, 10)
    assert nn.Plan(4, 2).fitted(3) == nn.Plan(3, 1, 3)


@pytest.mark.parametrize("members", [1, 4, 6])
@pytest.mark.parametrize("width", [1, 2, 3, 6])
def test_a_function_is_laid_over_all_members(width, members):
    plan = nn.Plan(1, width)
    order = plan.arrange(members)
    own = {"a": np.arange(6.0)[order], "b": np.arange(12.0).reshape(6, 2)[order]}
    axes = []

    def one(own, shared):
        axes.append(own["b"].shape)
        return {"sum": own["a"] + own["b"].sum() + shared, "row": own["b"]}

    laid = plan.lay(one)(plan.place(own, by_member=True), 0.5)
    np.testing.assert_array_equal(laid["sum"], own["a"] + own["b"].sum(1) + 0.5)
    np.testing.assert_array_equal(laid["row"], own["b"])
    assert set(axes) == {(2,)} and plan.beside == (None if width == 1 else "beside")


def test_only_a_plan_of_one_after_the_other_on_one_device_promises_the_bit():
    assert nn.Plan(1, 1).tolerance == 0 and "to the bit" in str(nn.Plan(1, 1))
    for plan in (nn.Plan(1, 2), nn.Plan(2, 1), nn.Plan(2, 2)):
        assert plan.tolerance == 1e-4 and "within 0.0001 of" in str(plan)


@pytest.mark.parametrize(
    ("platform", "precision", "tolerance", "words"),
    [
        ("cpu", None, 1e-4, "in the platform's precision, losses"),
        ("gpu", None, 2.0**-9, "in the platform's precision, with products of TF32, losses"),
        ("tpu", None, 2.0**-6, "in the platform's precision, with products of bfloat16, losses"),
        ("gpu", "float32", 1e-4, "in float32, losses"),
        ("tpu", "float32", 1e-4, "in float32, losses"),
        ("cpu", "bfloat16", 2.0**-6, "in bfloat16, losses"),
        ("cpu", "float16", 2.0**-9, "in float16, losses"),
    ],
)
def test_the_tolerance_follows_from_platform_and_precision(platform, precision, tolerance, words):
    there = (SimpleNamespace(platform=platform),)
    plan = nn.Plan(1, 2, 2, there, precision=precision_of(precision))
    assert plan.tolerance == tolerance and words in str(plan) and f"within {tolerance:.2g} of" in str(plan)
    alone = nn.Plan(1, 1, 1, there, precision=precision_of(precision))
    assert alone.tolerance == 0 and words.split(", losses")[0] in str(alone)
    with jax.default_matmul_precision("highest"):
        assert nn.Plan(1, 2, 2, there).tolerance == 1e-4


def test_the_plan_of_a_grid_tells_its_precision_and_its_members_keep_to_it():
    def trial(lr):
        return nn.Trial(nn.mlp((4,), out=1), "squared_error", optax.adam(lr))

    x = np.random.default_rng(0).normal(size=(32, 3)).astype(np.float32)
    options = dict(epochs=2, batch_size=8, precision="bfloat16", progress=False)
    runs = nn.grid(trial, (x, x[:, 0]), dict(lr=[0.01, 0.02]), plan="vmap", **options)
    plan = runs.plan[0].plan
    assert "in bfloat16" in str(runs.plan[0]) and plan.tolerance == 2.0**-6
    solo = nn.fit(trial, (x, x[:, 0]), dict(lr=0.01), **options)
    np.testing.assert_allclose(runs[0].history["loss"], solo.history["loss"], rtol=plan.tolerance)
    again = nn.grid(trial, (x, x[:, 0]), dict(lr=[0.01, 0.02]), plan="map", **options)
    np.testing.assert_array_equal(again[0].history["loss"], solo.history["loss"])


class Far:
    """A device of which nothing is asked but its name."""

    def __init__(self, platform="gpu"):
        self.platform = platform


@pytest.mark.parametrize("members", range(1, 10))
def test_a_part_of_a_slice_is_a_power_of_two_and_of_gpus_any_number(members):
    eight = tuple(Far("tpu") for _ in range(8))
    plan = nn.Plan(8, 4, on=eight).fitted(members)
    assert plan.devices == (8 if members >= 8 else 4 if members >= 4 else 2 if members >= 2 else 1)
    assert len(plan.on) == plan.devices == plan.fitted(members).devices and plan.width * plan.devices >= members
    assert nn.Plan(8, 4, on=tuple(Far() for _ in range(8))).fitted(members).devices == min(members, 8)
    six = nn.Plan(6, 1, on=tuple(Far("tpu") for _ in range(6)))
    assert six.fitted(6).devices == 6  # all there are


@given(PLANS, COUNTS)
def test_a_plan_halves_down_to_one_member_for_each_device(plan, members):
    plan = dataclasses.replace(plan.fitted(members), on=tuple(Far() for _ in range(plan.fitted(members).devices)))
    count, seen = members, 0
    while (smaller := plan.halved(count)) is not None:
        chunk = min(plan.chunk, count)
        assert smaller.chunk <= max(-(-chunk // 2), smaller.devices) and smaller.width <= -(-plan.width // 2)
        assert (smaller.chunk, smaller.width) != (chunk, plan.width) and smaller.devices == plan.devices
        plan, count, seen = smaller, smaller.chunk, seen + 1
        assert seen < 10
    assert plan.width == 1 and min(plan.chunk, count) <= plan.devices


def test_devices_of_a_cpu_share_their_memory_and_one_of_them_may_have_all():
    cpus = tuple(Far("cpu") for _ in range(4))
    plan = nn.Plan(4, 1, 4, cpus)
    assert plan.halved(4) == nn.Plan(1, 1, 1, cpus[:1]) and plan.halved(4).halved(1) is None


@given(members=st.integers(1, 400), devices=st.integers(1, 4), width=st.integers(1, 200), chunk=st.integers(1, 300))
def test_a_steady_plan_has_few_programs_and_not_many_places_too_many(members, devices, width, chunk):
    steady = nn.Plan(devices, width, chunk).steady(members)
    chunks = -(-members // steady.chunk)
    assert chunks == -(-members // min(chunk, members)) and chunks * steady.chunk - members < chunks
    widths = set()
    for count in range(1, steady.chunk + 1):
        own = steady.thinned(count)
        widths.add(own.width)
        block = own.width * devices
        places = own.arrange(count)
        assert len(places) == block * -(-steady.chunk // block)  # whatever the count, the shapes are those of a chunk
        assert sorted(set(places)) == list(range(count))
        living = np.unique(places, return_index=True)[1] // own.width  # the blocks in which somebody trains
        assert own.width * len(set(living)) <= 2 * (count + devices)
    assert len(widths) <= 1 + math.ceil(math.log(max(steady.width, 1), 4)) + 1


def test_sharding_says_how_place_puts():
    x = np.ones((4, 2), np.float32)
    for plan in (nn.Plan(1, 2), nn.Plan(1, 2, on=tuple(jax.local_devices()[:1]))):
        assert plan.place(x).committed == (plan.sharding() is not None)
        assert plan.sharding() in (None, plan.place(x).sharding)
