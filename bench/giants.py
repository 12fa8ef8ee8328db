import os
import re
import sys
import time

os.environ.update(JAX_PLATFORMS="cpu", TF_CPP_MIN_LOG_LEVEL="3")
os.environ.update(TPU_SKIP_MDS_QUERY="1", TPU_WORKER_HOSTNAMES="localhost")
os.environ.setdefault("TPU_ACCELERATOR_TYPE", "v5litepod-4")

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.experimental import topologies
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

import jaxnn as nn
from jaxnn.core.shards import MEGATRON, specs
from jaxnn.core.mesh import laid
from jaxnn.data.source import read
from jaxnn.train.enrol import enrol
from jaxnn.train.layout import mapped
from jaxnn.train.program import Programs, _options


class OnMesh:
    beside, chunk, platform = None, None, "tpu"

    def __init__(self, mesh, rules):
        self.mesh, self.rules = mesh, rules

    def lay(self, function):
        def f(own, shared):
            with laid(self.mesh, self.rules):
                return mapped(function, own, shared)

        return f


def compile_gpt(topology, shape, batch, context, rules=(), fully=False, **sizes):
    devices = topologies.get_topology_desc(platform="tpu", topology_name=topology).devices
    n = int(np.prod(shape))
    mesh = Mesh(np.array(devices[:n]).reshape(1, *shape), ("member", "data", "model"))

    def augment(key, batch):
        return jax.tree.map(lambda a: jax.lax.with_sharding_constraint(a, NamedSharding(mesh, P("data"))), batch)

    def trial(lr):
        return nn.Trial(nn.gpt(context=context, **sizes), "softmax_cross_entropy", optax.adam(lr), augment=augment)

    ids = np.zeros((4 * batch, context), np.int32)
    source = read((ids, ids))
    entry = enrol(trial, source, dict(lr=1e-3), epochs=50, batch_size=batch, compute_dtype="bfloat16", rewind=False)
    programs = Programs(entry.recipe, OnMesh(mesh, rules))

    def put(tree, spec=P(), lead=()):
        f = lambda a, s: jax.ShapeDtypeStruct(
            (*lead, *np.shape(a)), a.dtype, sharding=NamedSharding(mesh, P(*[None] * len(lead), *s))
        )
        return jax.tree.map(lambda a: f(a, spec), tree) if isinstance(spec, P) else jax.tree.map(f, tree, spec)

    key = jax.eval_shape(lambda: jax.random.key(0, impl="threefry2x32"))
    member = entry.member(entry.inside)._replace(key=key)
    one = jax.eval_shape(
        lambda m, r: __import__("jaxnn.train.engine").train.engine.start(programs.recipe, m, r),
        member,
        put(source.first_row),
    )
    state = put(one, specs(one, rules, mesh, fully), (1,))
    t = time.time()
    lowered = programs.train.function.lower(put(member, P(), (1,)), state, put(source.block(0, 0)))
    traced = time.time() - t
    t = time.time()
    compiled = lowered.compile(compiler_options=_options(programs.train.options, "tpu"))
    return compiled, one, traced, time.time() - t


GPT2 = dict(vocab=50304, width=768, heads=12)
if __name__ == "__main__":
    what = sys.argv[1]
    kw = eval("dict(" + sys.argv[2] + ")")
    c, state, tr, s = compile_gpt(**kw)
    m = c.memory_analysis()
    n = sum(a.size for a in jax.tree.leaves(state.params))
    print(
        f"{n / 1e9:.3f}e9 params, traced {tr:.1f} compiled {s:.1f} s",
        {k: round(getattr(m, k + "_size_in_bytes") / 2**30, 2) for k in ("argument", "output", "temp", "alias")},
    )
    open("/opt/jx/giants/" + what + ".hlo", "w").write(c.as_text())
