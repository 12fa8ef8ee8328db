"""What eight virtual CPU devices must show; `test_spread` runs it in a process of its own, part by part."""

import sys

import jax
import numpy as np
import optax
from jax.sharding import PartitionSpec as P

import jaxnn as nn
from jaxnn.core.shards import MEGATRON

RNG = np.random.default_rng(0)
IDS = RNG.integers(0, 16, (26, 9)).astype(np.int32)
TOKENS = IDS[:, :-1], IDS[:, 1:]
X = RNG.normal(size=(42, 8)).astype(np.float32)
ROWS = X, (X[:, 0] + 0.1 * RNG.normal(size=42) > 0).astype(np.int32)
OPTIONS = dict(epochs=2, batch_size=8, validation=0.2, progress=False)


def gpt(lr):
    """One block of eight heads with dropout, under clipping by the norm of all gradients and a decay."""
    model = nn.gpt(vocab=16, context=8, width=16, heads=8, layers=1, dropout=0.1, tied=False)
    return nn.Trial(model, "softmax_cross_entropy", optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(lr)))


def mlp(lr):
    """Penalties, a plateau, an average and class weights."""
    optimizer = optax.chain(nn.l2(1e-3), nn.l1(1e-4), optax.adam(lr), nn.ema(0.9), nn.reduce_on_plateau(patience=0))
    return nn.Trial(nn.mlp((16,), out=2, dropout=0.2), "softmax_cross_entropy", optimizer, class_weight="balanced")


def same(ours, theirs):
    """Raise unless every epoch of every curve is that of one device."""
    assert ours.epochs == theirs.epochs and ours.best_epoch == theirs.best_epoch
    for name, values in theirs.history.items():
        np.testing.assert_allclose(ours.history[name], values, rtol=1e-5, atol=1e-6, err_msg=name)


def pieces(leaf):
    """The shapes of what each device holds."""
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
            (kernel,) = [a for path, a in jax.tree_util.tree_leaves_with_path(tree) if "mlp_in" in str(path) and a.ndim > 1]
            assert pieces(kernel) == held, (plan, pieces(kernel))
        np.testing.assert_allclose(run.outputs(TOKENS[0][:3]), one.outputs(TOKENS[0][:3]), atol=2e-5)
    ids = nn.generate(run, TOKENS[0][:1, :4], 3, key=jax.random.key(0), temperature=0)
    np.testing.assert_array_equal(ids, nn.generate(one, TOKENS[0][:1, :4], 3, key=jax.random.key(0), temperature=0))


if __name__ == "__main__":
    nn.configure(cpu_devices=8)
    globals()[f"part_{sys.argv[1]}"]()
