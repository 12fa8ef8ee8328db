"""Do models of billions fit? ``python bench/giants.py``: GPTs compiled for TPU slices that are not here.

Nothing runs; XLA tells memory and collectives of the training program that `fit` runs, with states by abstract shapes.
It needs the environment of ``elsewhere.py`` (jax with libtpu). Names of models as arguments compile these alone.
"""

import os
import sys
import time
from dataclasses import dataclass
from typing import Any

os.environ.update(JAX_PLATFORMS="cpu", TF_CPP_MIN_LOG_LEVEL="3")
os.environ.update(TPU_SKIP_MDS_QUERY="1", TPU_ACCELERATOR_TYPE="v5litepod-4", TPU_WORKER_HOSTNAMES="localhost")

import jax
import numpy as np
import optax
from collectives import collectives
from jax.experimental import topologies
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

import jaxnn as nn
from jaxnn.core.mesh import laid
from jaxnn.core.shards import MEGATRON, specs
from jaxnn.data.source import read
from jaxnn.train.engine import start
from jaxnn.train.enrol import enrol
from jaxnn.train.layout import Alone, mapped
from jaxnn.train.program import OPTIONS, Programs

STEPS = 4
"""Steps of an epoch of the program that is compiled."""
CAPACITY = 15.75
"""GiB of a v5e chip that a program may take."""
PEAK, WIRE = 197e12, 9e10
"""Of a v5e chip: operations in bfloat16 a second, and bytes a second over the links of one axis, both ways together.
Source: "How to scale your model", 2025."""

SMALL = dict(vocab=50304, context=1024, width=768, heads=12, layers=12, repeat=True)
XL = dict(vocab=50304, context=1024, width=1600, heads=25, layers=48, repeat=True)
TABLE = dict(vocab=51200, context=2048, width=8192, heads=64, layers=48, repeat=True)
ONE, SLICE, POD = ("v5e:2x2", (1, 1)), ("v5e:4x4", (16, 1)), ("v5e:16x16", (16, 16))
GIANTS = {  # name -> sizes, slice and its mesh (data, model), sequences of a step, rules
    "124M": (SMALL, ONE, 8, ()),
    "124M dots": (SMALL | {"remat": "dots"}, ONE, 8, ()),
    "124M full": (SMALL | {"remat": "full"}, ONE, 8, ()),
    "124M full, 32": (SMALL | {"remat": "full"}, ONE, 32, ()),
    "124M full, 32, 8 parts": (SMALL | {"remat": "full", "head_parts": 8}, ONE, 32, ()),
    "1.5B": (XL | {"remat": "full"}, SLICE, 16, ()),
    "1.5B, 64": (XL | {"remat": "full"}, SLICE, 64, ()),
    "39B": (TABLE | {"remat": "full"}, POD, 16, MEGATRON),
    "39B, 64": (TABLE | {"remat": "full"}, POD, 64, MEGATRON),
}


@dataclass(frozen=True)
class OnMesh(Alone):
    """One member over all chips of a mesh."""

    mesh: Any = None
    rules: tuple = ()
    platform = "tpu"

    def lay(self, function):
        """The function, its parameters brought together layer by layer."""

        def on_mesh(own, shared):
            with laid(self.mesh, self.rules):
                return mapped(function, own, shared)

        return on_mesh


def lower(sizes, place, sequences, rules):
    """The training program of a GPT as `fit` builds it, lowered for a slice; and the bytes of its state on a chip."""
    topology, shape = place
    chips = topologies.get_topology_desc(platform="tpu", topology_name=topology).devices[: np.prod(shape)]
    mesh = Mesh(np.array(chips).reshape(1, *shape), ("member", "data", "model"))

    def over_data(key, batch):
        return jax.lax.with_sharding_constraint(batch, NamedSharding(mesh, P("data")))

    def trial(lr):
        return nn.Trial(nn.gpt(**sizes), "softmax_cross_entropy", optax.adam(lr), augment=over_data)

    ids = np.zeros((STEPS * sequences, sizes["context"]), np.int32)
    source = read((ids, ids))
    entry = enrol(trial, source, dict(lr=1e-4), epochs=1, batch_size=sequences, compute_dtype="bfloat16", rewind=False)
    programs = Programs(entry.recipe, OnMesh(mesh=mesh, rules=rules))

    def laid_out(tree, own=None, lead=()):
        own = jax.tree.map(lambda _: P(), tree) if own is None else own

        def one(leaf, spec):
            sharding = NamedSharding(mesh, P(*(None,) * len(lead), *spec))
            return jax.ShapeDtypeStruct((*lead, *np.shape(leaf)), leaf.dtype, sharding=sharding)

        return jax.tree.map(one, tree, own)

    key = jax.eval_shape(lambda: jax.random.key(0, impl="threefry2x32"))
    member = entry.member(entry.inside)._replace(key=key)
    state = jax.eval_shape(lambda m, row: start(programs.recipe, m, row), member, laid_out(source.first_row))
    state = laid_out(state, specs(state, rules, mesh, fully=True), (1,))
    return programs.train.function.lower(laid_out(member, lead=(1,)), state, laid_out(source.block(0, 0))), state


def on_a_chip(tree):
    """Bytes of a sharded tree on one chip."""
    return sum(np.prod(a.sharding.shard_shape(a.shape), dtype=float) * a.dtype.itemsize for a in jax.tree.leaves(tree))


def theory(sizes, shape, sequences, parameters):
    """Bytes a step that must pass a chip: of gathered weights and scattered gradients, and of Megatron's sums.

    Weights are gathered for the forward pass and, as blocks are rematerialised, for the backward pass; gradients are
    scattered once: three times the parameters of a chip's part of the model, in bfloat16. Over the axis ``model`` a
    block sums what it adds twice forward, twice backward, and once more in the blocks computed again, of which the last
    sum is not needed; the embedding and the logits once each.
    """
    data, model = shape
    rows = sequences // data * sizes["context"] * sizes["width"] * 2
    weights = 3 * 2 * parameters / model if data > 1 else 0
    return weights, (5 * sizes["layers"] + 2) * rows if model > 1 else 0


def report(name, sizes, place, sequences, rules):
    """Compile one and print its row."""
    started = time.time()
    lowered, state = lower(sizes, place, sequences, rules)
    traced, started = time.time() - started, time.time()
    try:
        compiled = lowered.compile(compiler_options=OPTIONS["tpu"])
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        print(f"| {name} | {sequences} | does not fit: {str(error).splitlines()[0][:160]} |", flush=True)
        return
    seconds, memory, chips = time.time() - started, compiled.memory_analysis(), int(np.prod(place[1]))
    parameters = sum(a.size for a in jax.tree.leaves(state.params))
    whole = memory.argument_size_in_bytes + memory.output_size_in_bytes - memory.alias_size_in_bytes
    whole = (whole + memory.temp_size_in_bytes) / 2**30
    parts = [on_a_chip(state.params), on_a_chip(state.opt_state), memory.temp_size_in_bytes]
    moved = {kind: count / STEPS / 1e9 for kind, count in collectives(compiled.as_text()).items()}
    weights, sums = (n / 1e9 for n in theory(sizes, place[1], sequences, parameters))
    b, s, n, h, v = sequences, *(sizes[k] for k in ("context", "layers", "width", "vocab"))
    work = nn.scale.gpt_flops(b, n, h, v, s, recompute=sizes.get("remat") == "full") / chips / PEAK
    cells = [
        name, f"{parameters / 1e9:.3f}", f"{place[0]} {place[1]}", f"{b} x {s}",
        " + ".join(f"{p / 2**30:.2f}" for p in parts), f"{whole:.2f}{' fits' if whole < CAPACITY else ' too much'}",
        *(f"{moved.get(kind, 0):.3g}" for kind in ("all-gather", "reduce-scatter")), f"{weights:.3g}",
        f"{moved.get('all-reduce', 0):.3g}", f"{sums:.3g}",
        f"{moved.get('all-to-all', 0) + moved.get('collective-permute', 0):.2g}",
        f"{work:.3f}", f"{1e9 * sum(moved.values()) / WIRE:.3f}", f"{traced:.0f} + {seconds:.0f}",
    ]  # fmt: skip
    print(f"| {' | '.join(cells)} |", flush=True)
    if "--hlo" in sys.argv:
        with open(f"{name}.hlo", "w") as file:
            file.write(compiled.as_text())


def main():
    """Compile all that are asked for, one after the other."""
    titles = ["model", "parameters, 1e9", "slice (data, model)", "tokens a step", "weights + moments + temporary, GiB",
              "in all", "all-gather, GB", "reduce-scatter", "theory of both", "all-reduce", "theory", "other",
              "arithmetic, s", "wires, s", "trace + compile, s"]  # fmt: skip
    print(f"| {' | '.join(titles)} |\n{'|---' * len(titles)}|", flush=True)
    asked = [a for a in sys.argv[1:] if not a.startswith("--")]
    for name in asked or GIANTS:
        report(name, *GIANTS[name])


if __name__ == "__main__":
    main()
