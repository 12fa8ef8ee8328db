"""On eight devices: a GPT whose weights are brought together layer by layer, beside one device. Run by test_mesh.py."""

import re

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

import jaxnn as nn
from jaxnn.core.mesh import gathered, laid
from jaxnn.core.shards import MEGATRON, specs

KEY = jax.random.key(0, impl="threefry2x32")
IDS = np.random.default_rng(0).integers(0, 16, (8, 4)).astype(np.int32)


def compiled(model, shape, rules, x=IDS):
    """Loss and gradients of a model on a mesh, and the compiled program."""
    mesh = Mesh(np.array(jax.devices()).reshape(shape), ("data", "model"))
    params = jax.jit(model.init)(KEY, x)[0]
    own = jax.tree.map(lambda s: NamedSharding(mesh, s), specs(params, rules, mesh, fully=True))

    def loss(params, x):
        with laid(mesh, rules):
            return (model.apply(params, {}, x)[0] ** 2).mean()

    program = jax.jit(jax.value_and_grad(loss), in_shardings=(own, NamedSharding(mesh, P("data"))), out_shardings=None)
    program = program.lower(params, x).compile()
    found = program(jax.device_put(params, own), jax.device_put(x, NamedSharding(mesh, P("data"))))
    return found, params, program, own


def check(model, shape, rules):
    found, params, program, own = compiled(model, shape, rules)
    alone = jax.jit(jax.value_and_grad(lambda p: (model.apply(p, {}, IDS)[0] ** 2).mean()))(params)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), found, alone)
    split = jax.tree.map(lambda a, s: a.sharding.is_equivalent_to(s, a.ndim), found[1], own)
    assert jax.tree.all(split), "a gradient is a share, as its parameter"
    return program.as_text()


def gathers(text, depth):
    """Axes of all-gathered kernels: none holds the blocks of more than one layer."""
    shapes = re.findall(r"= f32\[([\d,]+)\][^=]* all-gather\(", text)
    assert shapes and not any(s.startswith(f"{depth},") and s.count(",") == 2 for s in shapes), shapes


DEEP = nn.gpt(16, 4, 16, 4, 3, tied=False, repeat=True, remat="full")
gathers(check(DEEP, (8, 1), ()), 3)
gathers(check(DEEP, (2, 4), MEGATRON), 3)

mesh = Mesh(np.array(jax.devices()), ("data",))
kernel = {"kernel": np.ones((8, 3), np.float32)}
assert gathered(kernel, ("dense_0",)) is kernel, "outside of a mesh nothing happens"
with laid(mesh):
    with laid(mesh, (("*", P()),)):
        pass
    whole = jax.jit(lambda p: gathered(p, ("dense_0",)))(kernel)
    assert whole["kernel"].sharding.is_fully_replicated
assert gathered(kernel, ("dense_0",)) is kernel
print("all is well")
