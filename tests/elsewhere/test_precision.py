"""What each precision makes of products on machines that are not here, as their compilers tell."""

import re
import sys
from pathlib import Path

import jax
import numpy as np
import optax
import pytest

import jaxnn as nn

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
pytest.importorskip("elsewhere_devices")

X, Y = np.zeros((16, 128), np.float32), np.zeros(16, np.int32)
PRODUCT = re.compile(r" = (?:\(.*?\)|\S+) (?:dot|convolution|custom-call)\(([^)]*)\)")


def products(text):
    """Of each product of a compiled program the line, and the dtypes of its factors."""
    shapes = dict(re.findall(r"%?([\w.\-]+) = \(?(\w+)\[", text))
    found = []
    for line in text.splitlines():
        m = PRODUCT.search(line)
        if m is None or (" custom-call(" in line and "$gemm" not in line and "$lt$matmul" not in line):
            continue
        names = re.findall(r"%([\w.\-]+)", m.group(1))[:2]
        inline = re.findall(r"(\w+)\[[\d,]*\]", m.group(1))[:2]
        found.append((line, inline if len(inline) == 2 else [shapes.get(n, "?") for n in names]))
    return found


def trained(precision, device, compiled):
    """The text of a whole training with validation, for this device."""
    trial = nn.Trial(nn.mlp((128,), out=128), "softmax_cross_entropy", optax.adam(1e-3))

    def run(key):
        return nn.run(trial, {}, key, (X, Y), epochs=2, batch_size=8, validation=(X, Y), precision=precision)

    key = jax.eval_shape(lambda: jax.random.key(0, impl="threefry2x32"))
    key = jax.ShapeDtypeStruct(key.shape, key.dtype, sharding=jax.sharding.SingleDeviceSharding(device))
    made = compiled(jax.jit(run).lower(key), device)
    return products(made.as_text())


def exact(line):
    return bool(re.search(r'operand_precision=\{highest,highest\}|"operand_precision":\["HIGHEST","HIGHEST"\]', line))


@pytest.mark.parametrize("precision", [None, "float32", "bfloat16", "float16"])
def test_products_have_the_factors_that_a_precision_says(precision, device, compiled):
    """By default float32 is read as TF32 or bfloat16, which only the highest precision of an operation prevents."""
    found = trained(precision, device, compiled)
    weights = [(line, dtypes) for line, dtypes in found if "128" in line]
    assert len(weights) >= 5  # two forwards, three backwards; and the two of the validation
    if precision in ("bfloat16", "float16"):
        short = {"bfloat16": "bf16", "float16": "f16"}[precision]
        assert all(dtypes == [short, short] for _, dtypes in weights)
    else:
        assert all(exact(line) == (precision == "float32") for line, _ in weights)
