"""Members go on where a device is out of memory: in smaller calls, from where they stood, to the same results."""

import jax
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.train import group as groups
from jaxnn.train.program import Programs
from jaxnn.train.shortage import is_shortage, size

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(12, 2)).astype(np.float32), RNG.normal(size=12).astype(np.float32)
RATES = np.geomspace(0.001, 0.1, 12).tolist()
WORDS = "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8388608088 bytes."
COMPILE = Programs.compile


def line(lr):
    return nn.Trial(nn.linear_regression(), "squared_error", optax.adam(lr))


class Short:
    """A device that has room for ``room`` places once it was called ``after`` times; in the place of XLA's program.

    Args:
        at: "compile" or "run".
        gone: whether a call that fails has taken the state it was given, as a CPU's has.
    """

    def __init__(self, monkeypatch, room, after=0, at="run", gone=True):
        self.room, self.after, self.at, self.gone, self.calls, self.failed = room, after, at, gone, 0, 0
        monkeypatch.setattr(Programs, "compile", lambda programs, *args: self.compile(programs, *args))

    def refuse(self, places, at):
        self.calls += at == self.at
        if at == self.at and self.calls > self.after and places > self.room:
            self.failed += 1
            raise jax.errors.JaxRuntimeError(WORDS)

    def compile(self, programs, own, *rest):
        places = len(own[0].epochs)
        self.refuse(places, "compile")
        begin, train, *spent = COMPILE(programs, own, *rest)

        def call(member, state, block):
            try:
                self.refuse(places, "run")
            except jax.errors.JaxRuntimeError:
                if self.gone:
                    jax.tree.map(lambda a: a.delete(), state)
                raise
            return train(member, state, block)

        return begin, call, *spent


def run(plan, epochs=3, **options):
    return nn.grid(line, (X, Y), dict(lr=RATES), epochs=epochs, batch_size=4, plan=plan, progress=False, **options)


@pytest.fixture(scope="module")
def undisturbed():
    runs = run("map")
    return runs.history, [np.asarray(one.params["kernel"]) for one in runs]


def same(runs, undisturbed, tolerance):
    history, kernels = undisturbed
    assert runs.table["lr"] == RATES and runs.table["epochs_done"] == [3] * 12
    np.testing.assert_allclose(runs.history["loss"], history["loss"], rtol=tolerance)
    np.testing.assert_allclose([one.params["kernel"] for one in runs], kernels, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("at", ["compile", "run"])
@pytest.mark.parametrize("chunk", [0, 1, 2])  # the first, one in between, the last
@pytest.mark.parametrize("stored", [False, True])
def test_whatever_chunk_fails_all_come_to_the_same_end(at, chunk, stored, undisturbed, monkeypatch, tmp_path):
    short = Short(monkeypatch, 2, after=chunk, at=at)
    folder = tmp_path / "grid" if stored else None
    runs = run(nn.Plan(1, 1, 4), folder=folder)
    assert short.failed == 1 and runs.plan[0].plan.chunk == 2 and runs.plan[0].memory.halvings == 1
    assert "halved 1 time(s)" in str(runs.plan)
    same(runs, undisturbed, 0)
    if stored:
        again, read = run(nn.Plan(1, 1, 4), folder=folder), nn.load_runs(folder)
        for one in (again, read):
            same(one, undisturbed, 0)
        files = sorted(path.name for path in folder.rglob("members_*"))
        assert len(files) == 6 and all("_1." in name for name in files)


@pytest.mark.parametrize("gone", [False, True])
@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("plan", [nn.Plan(1, 1), nn.Plan(1, 12)])
def test_epochs_that_were_done_are_kept_or_done_again(gone, kept, plan, undisturbed, monkeypatch):
    """All in one call, whose state stays on the device from epoch to epoch."""
    monkeypatch.setattr(groups, "KEEP_SECONDS", 0.0 if kept else 1e9)
    monkeypatch.setattr(groups, "KEEP_SHARE", 1e9)
    monkeypatch.setattr(groups, "VISIT_SECONDS", 0.0)  # an epoch a call
    short = Short(monkeypatch, 3, after=2, gone=gone)
    runs = run(plan)
    assert short.failed == 2 and runs.plan[0].plan.chunk == 3
    same(runs, undisturbed, runs.plan[0].plan.tolerance)
    done_again = 0 if kept or not gone else 2  # from the weights that are drawn from the seed
    assert short.calls == 2 + short.failed + 4 * (1 + done_again)


def test_a_callback_hears_of_every_epoch_once(undisturbed, monkeypatch):
    short, seen = Short(monkeypatch, 3, after=2), []
    runs = run("map", callbacks=[lambda population, epoch, row: seen.append((epoch, row["loss"].shape))])
    assert short.failed == 2 and seen == [(1, (12,)), (2, (12,)), (3, (12,))]
    same(runs, undisturbed, 0)


def test_where_one_member_is_too_much_a_sentence_says_what_it_takes_and_what_to_change(monkeypatch):
    for at, takes in (("run", "its weights and the optimizer's state alone"), ("compile", "alone")):
        Short(monkeypatch, 0, at=at)
        with pytest.raises(MemoryError, match=rf"too little memory for one member: it takes .*{takes} \d+ B, and .* "
                           "are free; write a smaller batch_size= than 4") as error:  # fmt: skip
            run(nn.Plan(1, 2, 4))
        assert isinstance(error.value.__cause__, jax.errors.JaxRuntimeError)
        with pytest.raises(MemoryError, match="write a smaller batch_size= than 4"):
            nn.fit(line, (X, Y), dict(lr=0.1), epochs=1, batch_size=4, progress=False)


def test_a_search_goes_on_too(monkeypatch):
    search = nn.Halving(metric="loss")
    plain = run(nn.Plan(1, 1), search=search)
    Short(monkeypatch, 5, after=1)
    runs = run(nn.Plan(1, 1), search=search)
    assert runs.table == plain.table


def test_no_other_error_is_taken_for_it(monkeypatch):
    assert is_shortage(jax.errors.JaxRuntimeError(WORDS))
    assert is_shortage(jax.errors.JaxRuntimeError("INTERNAL: CUDA_ERROR_OUT_OF_MEMORY: out of memory"))
    assert not is_shortage(jax.errors.JaxRuntimeError("INVALID_ARGUMENT: what else"))
    assert not is_shortage(ValueError(WORDS))
    short = Short(monkeypatch, 0)
    monkeypatch.setattr(short, "refuse", lambda *_: (_ for _ in ()).throw(jax.errors.JaxRuntimeError("INTERNAL: x")))
    with pytest.raises(jax.errors.JaxRuntimeError, match="INTERNAL: x"):
        run(nn.Plan(1, 1, 4))


def test_sizes_in_words():
    assert [size(n) for n in (0, 1023, 1024, 3 << 29)] == ["0 B", "1023 B", "1.0 KiB", "1.5 GiB"]
