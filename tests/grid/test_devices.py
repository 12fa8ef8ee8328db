"""Several CPU devices, in a process of its own, as their number is fixed at JAX's start."""

import subprocess
import sys

CODE = """
import jax, numpy as np, optax
import jaxnn as nn

nn.configure(cpu_devices=3)
assert len(jax.devices()) == 3
rng = np.random.default_rng(0)
x = rng.normal(size=(37, 5)).astype(np.float32)
y = (x[:, 0] > 0).astype(np.int32)

def trial(lr):
    return nn.Trial(nn.mlp((6,), out=2, dropout=0.1), "softmax_cross_entropy", optax.adam(lr))

space = dict(lr=[1e-3, 1e-2, 3e-2, 1e-1, 1e6], seed=range(3))
options = dict(epochs=5, batch_size=8, validation=0.25, stop=nn.EarlyStopping(patience=1), progress=False)
mapped = nn.grid(trial, (x, y), space, plan="map", **options)
for plan in (nn.Plan(3, 1), nn.Plan(3, 1, 4), nn.Plan(2, 1)):  # all, in several calls, and with one member too few
    spread = nn.grid(trial, (x, y), space, plan=plan, **options)
    assert spread.plan[0].plan.devices == plan.devices
    for a, b in zip(spread, mapped, strict=True):
        jax.tree.map(np.testing.assert_array_equal, a.params, b.params)
        for name in b.history:
            np.testing.assert_array_equal(a.history[name], b.history[name])
wide = nn.grid(trial, (x, y), space, plan=nn.Plan(3, 2), **options)
healthy = np.array(wide.table["lr"]) < 1
np.testing.assert_allclose(wide.history["loss"][healthy, 0], mapped.history["loss"][healthy, 0], rtol=1e-4)
try:
    nn.configure(cpu_devices=7)
except RuntimeError as error:
    assert "before the first computation" in str(error)
else:
    raise AssertionError("configure after the start must be refused")
try:
    nn.grid(trial, (x, y), space, plan=nn.Plan(9), **options)
except ValueError as error:
    assert "does not fit" in str(error)
"""


def test_members_on_several_devices_are_solo_runs():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
