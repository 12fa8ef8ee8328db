"""Memory of a plan: the line of two small programs beside the compiler's own figures, and what is chosen by it."""

from types import SimpleNamespace

import jax
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.data.source import read
from jaxnn.grid.choose import choose
from jaxnn.grid.memory import SCRATCH, SHARE, SURE, Gauge, Line, Memory
from jaxnn.train.enrol import enrol

RNG = np.random.default_rng(0)
GIB = 1 << 30
LARGE = 10**6


def gauge_of(model, x, y, batch_size=16, validation=0.25):
    def trial(lr):
        return nn.Trial(model, "softmax_cross_entropy", optax.adam(lr))

    source = read((x, y), validation)
    return Gauge(enrol(trial, source, dict(lr=0.1), epochs=2, batch_size=batch_size), source)


def images(rows, *shape):
    return RNG.normal(size=(rows, *shape)).astype(np.float32), RNG.integers(0, 10, rows)


def texts(rows, context, words):
    tokens = RNG.integers(0, words, (rows, context + 1))
    return tokens[:, :-1], tokens[:, 1:]


MODELS = {
    "mlp": lambda: gauge_of(nn.mlp((32, 32), 10, dropout=0.1), *images(200, 16)),
    "lenet": lambda: gauge_of(nn.lenet(10), *images(64, 12, 12, 1)),
    "resnet8": lambda: gauge_of(nn.resnet(8, 10), *images(64, 8, 8, 3)),
    "lstm": lambda: gauge_of(nn.rnn_classifier(16, 10), *images(64, 10, 8)),
    "gpt": lambda: gauge_of(nn.gpt(32, 16, 16, 2, 2), *texts(64, 16, 32)),
}


COSTLY = ("lenet", "resnet8")  # to compile


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] * (n in COSTLY)) for n in MODELS])
def test_two_small_programs_tell_what_wide_ones_take(name):
    gauge = MODELS[name]()
    line = gauge.line(nn.Plan(1, 64))
    for width in (24, 48, 64):
        plan = nn.Plan(1, width, width)
        told, estimated = gauge.compiled(plan, width), gauge.estimate(plan, width)
        assert abs(line.of(width, width) / told - 1) < 0.15
        assert told < SURE * estimated + SCRATCH / 100 and estimated < 3 * told


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "rows", "before"),
    [(nn.gpt(65, 64, 64, 4, 4), texts(64, 64, 65), 10), (nn.resnet(8, 10), images(256, 32, 32, 3), 16)],
)
def test_activations_are_counted(model, rows, before):
    """A small GPT and a small residual network, which four states and four batches put at 10 and 16 MiB."""
    gauge = gauge_of(model, *rows, batch_size=32)
    line, plan = gauge.line(nn.Plan(1, 1)), nn.Plan(1, 1, 6)
    told = gauge.compiled(plan, 6)
    assert told > 3 * before * 2**20
    assert abs(line.of(1, 6) / told - 1) < 0.15
    assert 0.5 < gauge.estimate(plan, 6) / told < 2


class Stand:
    """A gauge that says: so many bytes whatever the members, and so many for each of them."""

    def __init__(self, work=0, each=1, once=0, place=0):
        # Two kernels, or one layer would count as no work.
        self.state = SimpleNamespace(params=[np.empty((work, 1)), np.empty((1, 1))] if work else [])
        self.batch_size, self.told, self.compiled = 1, Line(once, each, place), 0

    def estimate(self, plan, members):
        return self.told.of(plan.width, -(-min(members, plan.chunk or members) // plan.devices))

    def line(self, plan):
        self.compiled += 1
        return self.told


class Far:
    """A device of so many bytes, of which nothing is asked but its name and its memory."""

    def __init__(self, limit, used=0, platform="gpu"):
        self.limit, self.used, self.platform = limit, used, platform

    def memory_stats(self):
        return None if self.limit is None else {"bytes_limit": self.limit, "bytes_in_use": self.used}


GIB = 1 << 30


@pytest.mark.parametrize("used", [0, 60 * GIB])
def test_memory_that_is_in_use_is_no_room_for_members(used):
    one = Far(80 * GIB, used)
    room = int(SHARE * (80 * GIB - used))
    plan = choose("auto", 10**9, Stand(LARGE, 10**6, once=10**8), one)
    assert plan.memory.how == "line" and plan.memory.free == 80 * GIB - used and plan.on == (one,)
    calls = -(-(10**9) // ((room - 10**8) // 10**6))
    assert (plan.devices, plan.width, plan.chunk) == (1, -(-(10**9) // calls), plan.width)
    assert plan.memory.predicted == plan.width * 10**6 + 10**8 <= room
    assert choose("auto", 3, Stand(0, 100), one).width == 3
    assert choose("auto", 10, Stand(0, 10**12), one) == nn.Plan(1, 1, 1, (one,))  # it is tried
    assert choose("vmap", 10**6, Stand(0, 10**6), one).memory == Memory(10**12, "estimate", 80 * GIB - used)


def test_several_gpus_share_the_members_and_the_fullest_one_says_how_many(monkeypatch):
    two = (Far(80 * GIB), Far(80 * GIB, 79 * GIB))
    monkeypatch.setattr(jax, "local_devices", lambda **_: two)
    plan = choose("auto", 10**4, Stand(0, 10**6))
    assert plan.memory.free == GIB and plan.devices == 2 and plan.chunk == 2 * plan.width
    assert plan.width <= SHARE * GIB // 10**6 < 2 * plan.width
    assert choose("auto", 100, Stand(0, 10**6)) == nn.Plan(2, 50, 100, two)


def test_nothing_is_compiled_to_be_measured_where_all_fit_many_times_over():
    members, each = 1000, 10**6
    enough = int((SURE * members * each + SCRATCH) / SHARE) + 1
    for limit, compiled in ((enough, 0), (enough - 10, 1)):
        gauge = Stand(0, each)
        plan = choose("auto", members, gauge, Far(limit))
        assert gauge.compiled == compiled and plan.memory.how == ("line" if compiled else "estimate")
        assert (plan.width, plan.chunk) == (members, members)


@pytest.mark.parametrize(("work", "width"), [(0, 50), (LARGE, 1)])
def test_on_a_cpu_blocks_follow_one_another_in_a_call_as_large_as_main_memory_allows(work, width, monkeypatch):
    monkeypatch.setattr("jaxnn.train.free.available", lambda: GIB)
    plan = choose("auto", 100, Stand(work, 10**6, place=10**7))
    assert plan.width == width and plan.memory.how == "line"
    assert (-(-100 // plan.chunk) > 1 and plan.chunk % width == 0) or plan.chunk < 100
    assert plan.memory.predicted <= SHARE * GIB
    assert choose("auto", 100, Stand(work, 10**6, place=10**5)).chunk == 100
    assert choose("auto", 100, Stand(work, 10**18, place=10**18)).chunk == 1
