"""The protocols as a type checker sees them: what is right passes, what is wrong is seen where it is written."""

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import jaxnn as nn
from jaxnn.core.types import Batch

ROOT = Path(__file__).parent.parent.parent
GOOD = """
from typing import Any
import numpy as np, optax
import jaxnn as nn
from jaxnn.core.types import Layer, PerExample, Transformation

@nn.spec
class Shift:
    by: float = nn.hyper(1.0)
    def init(self, key, x):
        return {}, {}
    def apply(self, params, state, x, *, key=None, train=False, rows=None):
        return x + self.by, state

def own_loss(outputs: Any, targets: Any) -> Any:
    return (outputs - targets) ** 2

x = np.ones((4, 2))
model: Layer = nn.Sequential(nn.Dense(3), Shift(2.0))
optimizer: Transformation = optax.chain(nn.l2(1e-4), optax.adam(1e-3))
loss: PerExample = own_loss
nn.Trial(model, own_loss, optimizer)
nn.Trial(nn.mlp((8,), out=2), "softmax_cross_entropy", nn.freeze("dense_0"))
nn.Trial(nn.lenet(10), nn.losses.huber(1.0), nn.accumulate(optax.sgd(0.1), 2), metrics=("r2",))
nn.summary(nn.gpt(10, 4, 8, 2, 1), x)
nn.fit, nn.grid, nn.space.product, nn.data.load, nn.schedules.cosine, nn.callbacks.every, nn.plot.curves, nn.__version__
"""
BAD = {
    "a class for a layer": "nn.Trial(nn.Dense, 'squared_error', optax.sgd(0.1))",
    "a layer without apply": "nn.summary(object(), x)",
    "a number for a loss": "nn.Trial(nn.Dense(1), 3, optax.sgd(0.1))",
    "a loss of one argument": "nn.Trial(nn.Dense(1), lambda outputs: outputs, optax.sgd(0.1))",
    "an optimizer that is not called": "nn.Trial(nn.Dense(1), 'squared_error', optax.sgd)",
    "a learning rate for an optimizer": "nn.Trial(nn.Dense(1), 'squared_error', 0.1)",
}


def test_a_batch_takes_a_pair_or_a_triple():
    assert Batch([[1.0]], [0]) == ([[1.0]], [0], None, None)
    assert Batch(*([[1.0]], [0], [2.0])).weight == [2.0]


@pytest.mark.slow
def test_pyright_sees_what_is_wrong_and_nothing_else(tmp_path):
    program = Path(sysconfig.get_path("scripts"), "pyright")
    if not program.exists():
        pytest.skip("pyright is not installed")
    site = Path(sysconfig.get_path("purelib"), "jaxnn", "py.typed")  # there its own re-exports are checked too
    own = {} if site.exists() else {"extraPaths": [str(ROOT)]}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps({**own, "typeCheckingMode": "basic"}))
    (tmp_path / "use.py").write_text(GOOD + "\n".join(BAD.values()) + "\n")
    words = [program, "--outputjson", "--pythonpath", sys.executable, "use.py"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    found = [d for d in json.loads(done.stdout)["generalDiagnostics"] if d["severity"] == "error"]
    first = GOOD.count("\n")
    wrong = {d["range"]["start"]["line"] - first for d in found}
    assert wrong == set(range(len(BAD))), json.dumps(found, indent=1)


def test_the_package_tells_type_checkers_that_it_is_typed():
    assert (Path(nn.__file__).parent / "py.typed").exists()
