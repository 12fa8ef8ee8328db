"""A halving over several CPU devices, in a process of its own, as their number is fixed at JAX's start."""

import subprocess
import sys

CODE = """
import jax, numpy as np, optax
import jaxnn as nn

nn.configure(cpu_devices=3)
rng = np.random.default_rng(0)
x = rng.normal(size=(37, 5)).astype(np.float32)
y = (x[:, 0] > 0).astype(np.int32)

def trial(lr):
    return nn.Trial(nn.mlp((6,), out=2, dropout=0.1), "softmax_cross_entropy", optax.adam(lr))

space = dict(lr=[1e-3, 1e-2, 3e-2, 1e-1, 1e6], seed=range(3))
options = dict(epochs=9, batch_size=8, validation=0.25, search=nn.Halving(metric="val_loss"), progress=False)
mapped = nn.grid(trial, (x, y), space, plan="map", **options)
for plan in (nn.Plan(3, 1), nn.Plan(2, 1, 4)):
    spread = nn.grid(trial, (x, y), space, plan=plan, **options)
    assert spread.plan[0].plan.devices == plan.devices and spread.n_compiles == 2
    assert spread.table["epochs_done"] == mapped.table["epochs_done"]
    for a, b in zip(spread, mapped, strict=True):
        jax.tree.map(np.testing.assert_array_equal, a.params, b.params)
"""


def test_a_halving_over_several_devices_is_that_of_one():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
