"""What eight virtual CPU devices must show; `test_spread` runs it in a process of its own, part by part."""

import re
import sys
import warnings
from pathlib import Path

import jax
import numpy as np
import optax
from jax.sharding import PartitionSpec as P

import jaxnn as nn
from jaxnn.core.shards import MEGATRON
from jaxnn.train.lowered import lowered
from jaxnn.train.program import programs

RNG = np.random.default_rng(0)
IDS = RNG.integers(0, 16, (26, 9)).astype(np.int32)
TOKENS = IDS[:, :-1], IDS[:, 1:]
X = RNG.normal(size=(42, 8)).astype(np.float32)
ROWS = X, (X[:, 0] + 0.1 * RNG.normal(size=42) > 0).astype(np.int32)
COLUMNS_AND_ROWS = ("*dense_0/kernel", P(None, "model")), ("*dense_1/kernel", P("model", None))
OPTIONS = dict(epochs=2, batch_size=8, validation=0.2, progress=False)


def gpt(lr):
    """One block of eight heads with dropout, under clipping by the norm of all gradients and a decay."""
    model = nn.gpt(vocab=16, context=8, width=16, heads=8, layers=1, dropout=0.1, tied=False)
    return nn.Trial(model, "softmax_cross_entropy", optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(lr)))


def mlp(lr):
    """Penalties, a plateau, an average and class weights."""
    optimizer = optax.chain(
        nn.l2(1e-3), nn.l1(1e-4), optax.adam(lr), nn.plateau(0.5, patience=0, metric="loss"), nn.ema(0.9)
    )
    return nn.Trial(nn.mlp((16,), out=2, dropout=0.2), "softmax_cross_entropy", optimizer, class_weight="balanced")


def same(ours, theirs):
    """Raise unless every epoch of every curve is that of one device."""
    assert (ours.epochs, ours.best_epoch) == (theirs.epochs, theirs.best_epoch), (ours, theirs)
    for name, values in theirs.history.items():
        np.testing.assert_allclose(ours.history[name], values, rtol=1e-5, atol=1e-6, err_msg=name)


def pieces(leaf):
    """The shapes of what each device holds; what is whole comes to the host."""
    if isinstance(leaf, np.ndarray):
        return {leaf.shape}
    return {shard.data.shape for shard in leaf.addressable_shards}


def part_gpt():
    """Every way to lay a GPT on devices: the losses of one device, and each holds what was asked for."""
    one = nn.fit(gpt, TOKENS, dict(lr=1e-2), **OPTIONS)
    whole = {(16, 64)}
    for plan, held in (
        (nn.Plan(data=8), whole),
        (nn.Plan(data=8, shard="fully"), {(16, 8)}),
        (nn.Plan(model=8, shard=MEGATRON), {(16, 8)}),
        (nn.Plan(data=4, model=2, shard=("fully", *MEGATRON)), {(4, 32)}),
        (nn.Plan(sequence=8), whole),
    ):
        run = nn.fit(gpt, TOKENS, dict(lr=1e-2), plan=plan, **OPTIONS)
        same(run, one)
        for tree in (run.params, run.last.params, *optax.tree.get_all_with_path(run.last.opt_state, "mu")[0][1:]):
            (kernel,) = [
                a for path, a in jax.tree_util.tree_leaves_with_path(tree) if "mlp_in" in str(path) and a.ndim > 1
            ]
            assert pieces(kernel) == held, (plan, pieces(kernel))
        np.testing.assert_allclose(run.outputs(TOKENS[0][:3]), one.outputs(TOKENS[0][:3]), atol=2e-5)
    ids = nn.generate(run, TOKENS[0][:1, :4], 3, key=jax.random.key(0), temperature=0)
    np.testing.assert_array_equal(ids, nn.generate(one, TOKENS[0][:1, :4], 3, key=jax.random.key(0), temperature=0))


def part_rows():
    """Dense and convolutional networks with all that may look at a batch: class weights, penalties, averages, sums."""
    one = nn.fit(mlp, ROWS, dict(lr=1e-2), **OPTIONS)
    for plan in (nn.Plan(data=8), nn.Plan(data=8, shard="fully"), nn.Plan(model=8, shard=COLUMNS_AND_ROWS)):
        run = nn.fit(mlp, ROWS, dict(lr=1e-2), plan=plan, **OPTIONS)
        same(run, one)
        assert pieces(run.params["dense_0"]["kernel"]) == {(8, 16) if plan.shard is None else (8, 2)}
    images = RNG.normal(size=(21, 8, 8, 1)).astype(np.float32), RNG.integers(0, 3, 21)
    # A bias before BatchNorm has no true gradient: Adam would take whole steps of rounding.
    layers = (
        nn.Conv(4, 3, use_bias=False),
        nn.BatchNorm(),
        nn.Activation("relu"),
        nn.MaxPool(2),
        nn.Flatten(),
        nn.Dense(8),
        nn.Dense(3),
    )
    cnn = nn.Trial(nn.Sequential(*layers), "softmax_cross_entropy", optax.adam(1e-2))
    one = nn.fit(cnn, images, **OPTIONS)
    for plan in (nn.Plan(data=8), nn.Plan(data=8, shard="fully")):  # 17 rows to train on: the last batch holds one
        run = nn.fit(cnn, images, plan=plan, **OPTIONS)
        same(run, one)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), run.state, one.state)
    micro = nn.fit(mlp, ROWS, dict(lr=1e-2), micro=4, **OPTIONS)
    same(nn.fit(mlp, ROWS, dict(lr=1e-2), micro=4, plan=nn.Plan(data=4, shard="fully"), **OPTIONS), micro)


def part_members():
    """Members beside data parallelism, folds, and a member that falls sick: to each what it is alone."""
    space = dict(lr=[1e-2, 1e-3, 1e30], seed=[0, 1])
    options = OPTIONS | dict(validation=None, folds=2)
    warnings.simplefilter("ignore", nn.DivergedWarning)
    alone = nn.grid(mlp, ROWS, space, plan="map", **options)
    assert [run.diverged for run in alone].count(None) == 8
    for plan in (nn.Plan(data=4, shard="fully"), nn.Plan(devices=2, width=2, data=2, model=2, shard=COLUMNS_AND_ROWS)):
        for ours, theirs in zip(nn.grid(mlp, ROWS, space, plan=plan, **options), alone, strict=True):
            same(ours, theirs)
            assert ours.diverged == theirs.diverged
            jax.tree.map(
                lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5), ours.params, theirs.params
            )
    pop = nn.population(mlp, ROWS, dict(lr=[1e-2, 1e-3]), plan=nn.Plan(data=8, shard="fully"), batch_size=8)
    pop.advance(1)
    pop.put([1], pop.take([0]), lr=1e-3)
    pop.advance(1)
    solo = nn.fit(mlp, ROWS, dict(lr=1e-2), epochs=2, batch_size=8, progress=False)
    same(pop.run(0), solo)


def part_checkpoints(folder):
    """Written on eight devices, a checkpoint is read on 8, 4, 2 and 1, and the other way; a run goes on as well."""
    options = dict(batch_size=8, validation=0.2, progress=False, stop=nn.EarlyStopping(patience=9))
    whole = nn.fit(mlp, ROWS, dict(lr=1e-2), epochs=4, **options)
    eight = nn.Plan(data=8, shard="fully")
    plans = [nn.Plan(data=n, shard="fully") for n in (8, 4, 2)]
    for i, (first, then) in enumerate([*((eight, plan) for plan in (*plans, None)), (None, eight), (plans[2], eight)]):
        place = Path(folder) / str(i)
        begun = nn.fit(mlp, ROWS, dict(lr=1e-2), epochs=2, folder=place, plan=first, **options)
        assert (place / "members_000.orbax").is_dir() == (first is not None)
        (read,) = nn.load_runs(place)
        np.testing.assert_array_equal(read.history["loss"], begun.history["loss"])
        np.testing.assert_allclose(read.outputs(X), begun.outputs(X), atol=1e-6)
        same(nn.fit(mlp, ROWS, dict(lr=1e-2), epochs=4, folder=place, plan=then, **options), whole)
        assert len(list(place.glob("members_*"))) == 1  # and nothing of the form before
    begun = nn.fit(mlp, ROWS, dict(lr=1e-2), epochs=2, plan=eight, **options)
    for plan in (*plans, None):
        same(nn.fit(mlp, ROWS, dict(lr=1e-2), epochs=2, start=begun, plan=plan, **options), whole)
    pop = nn.Population.load(Path(folder) / "2", mlp, ROWS, layout=nn.Plan(data=4, shard="fully"))
    pop.advance(2)
    assert pop.epoch == 6 and pieces(pop.run(0).params["dense_0"]["kernel"]) == {(8, 4)}
    begun.save(Path(folder) / "run.safetensors")
    np.testing.assert_allclose(nn.load(Path(folder) / "run.safetensors").outputs(X), begun.outputs(X), atol=1e-6)
    taken = nn.fit(mlp, ROWS, dict(lr=1e-2), epochs=2, start=begun.params, plan=eight, **options)
    same(taken, nn.fit(mlp, ROWS, dict(lr=1e-2), epochs=2, start=begun.params, **options))


def compiled(plan, trial=mlp, data=ROWS, batch_size=8):
    """The text of a training as it is compiled."""
    pop = nn.population(trial, data, dict(lr=[1e-2]), plan=plan, batch_size=batch_size)
    pop.advance(1)
    (program,) = programs(pop.recipe, pop.layout).train.compiled.values()
    return program


def part_compiled():
    """The compiler's collectives, and memory: what is split takes the room of one share."""
    assert not re.search("all-reduce|all-gather", compiled(nn.Plan()).as_text())
    text = compiled(nn.Plan(data=8)).as_text()
    assert "all-reduce" in text and "all-gather" not in text
    text = compiled(nn.Plan(data=8, shard="fully")).as_text()
    assert "all-gather" in text and "all-reduce" in text  # which a CPU takes and a part of for a reduce-scatter

    def wide(lr):
        return nn.Trial(nn.mlp((512, 512), out=2), "softmax_cross_entropy", optax.adam(lr))

    whole, split = (
        compiled(plan, wide).memory_analysis().argument_size_in_bytes
        for plan in (nn.Plan(data=8), nn.Plan(data=8, shard="fully"))
    )
    assert split < 0.2 * whole  # of each device: an eighth of weights and moments, and all rows


def refused(message, call):
    """Raise unless a call is refused with this sentence, before anything is compiled."""
    try:
        call()
    except ValueError as error:
        assert re.search(message, str(error)), error
    else:
        raise AssertionError(f"not refused: {message}")


def part_refused():
    """Plans that do not fit fail at the door, with the call to write instead."""
    for message, plan in (
        ("does not fit 8 device.*write Plan.data=8", nn.Plan(data=16)),
        ("does not fit 8 device", nn.Plan(data=2.0)),
        ("does not divide over data=3; write batch_size=9", nn.Plan(data=3)),
        ("has one device here; write Plan.data=8", nn.Plan(model=2, shard="fully")),
        ("splits weights by rules", nn.Plan(model=2)),
        ('must be "fully", a tuple of rules', nn.Plan(data=2, shard="zero")),
        ("split none of the leaves", nn.Plan(model=2, shard=(("*nowhere", P("model")),))),
        ("is no multiple of", nn.Plan(model=8, shard=(("*bias", P("model")),))),
        ("plan must be a Plan or", "map"),
        ("plan must be a Plan or", nn.Plan),
    ):
        refused(message, lambda plan=plan: nn.fit(mlp, ROWS, dict(lr=1e-2), plan=plan, **OPTIONS))


def part_planned(folder):
    """What a spread plan says before it trains, when memory is short, and of a folder that one device began."""
    space, plan = dict(lr=[1e-2, 3e-3], seed=[0, 1]), nn.Plan(devices=2, chunk=2, data=2, shard="fully")
    options = dict(batch_size=8, validation=0.2)
    pop = nn.population(mlp, ROWS, space, plan=plan, **options)
    made = lowered(pop).train.compile()
    assert made.memory_analysis().argument_size_in_bytes > 0 and pop.layout.memory is None
    assert pop.layout.halved(2).spread.mesh.devices.size == 2
    begun = nn.population(mlp, ROWS, space, plan="vmap", **options)
    begun.advance(1)
    begun.save(folder)
    there = nn.Population.load(folder, mlp, ROWS, validation=0.2, layout=plan)
    there.advance(1), begun.advance(1)
    for k in range(4):
        same(there.run(k), begun.run(k))

    def short(*_):
        jax.tree.map(lambda a: a.delete(), [g.standing.state for g in pop.groups if g.standing.laid])
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 8 bytes.")

    pop.advance(1)
    pop.visits.append(short)
    try:
        pop.advance(1)
    except MemoryError as error:
        assert "whose weights devices share, cannot be laid out anew" in str(error)
    else:
        raise AssertionError("nothing was short")


def part_process(number, port, folder):
    """One of two processes with four devices each: together they train as one device does."""
    jax.distributed.initialize(f"localhost:{port}", 2, int(number))
    assert (jax.process_count(), len(jax.local_devices()), len(jax.devices())) == (2, 4, 8)
    options = OPTIONS | dict(stop=nn.EarlyStopping(patience=9))
    one = nn.fit(mlp, ROWS, dict(lr=1e-2), **options)
    for plan in (nn.Plan(data=8), nn.Plan(data=4, model=2, shard=("fully", *COLUMNS_AND_ROWS))):
        run = nn.fit(mlp, ROWS, dict(lr=1e-2), plan=plan, **options)
        same(run, one)
    assert not run.params["dense_0"]["kernel"].is_fully_addressable
    for epochs in (1, 2):  # written and gone on with by both
        run = nn.fit(mlp, ROWS, dict(lr=1e-2), plan=plan, folder=folder, **(options | dict(epochs=epochs)))
    same(run, one)


if __name__ == "__main__":
    nn.configure(cpu_devices=4 if sys.argv[1] == "process" else 8)
    globals()[f"part_{sys.argv[1]}"](*sys.argv[2:])
