"""The table of large GPTs: parameters out of the spec itself, without allocating them, and the arithmetic of a step."""

import gc

import jax
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.core.tree import count
from jaxnn.inspect.scale import gpt_flops, gpt_parameters, percent_of_peak, step_seconds

VOCAB, CONTEXT, PEAK = 51200, 2048, 312e12
TABLE = [  # hidden, layers, heads, billions of parameters, GPUs, batch, teraFLOP/s per GPU, percent, petaFLOP/s
    (2304, 24, 24, 1.7, 32, 512, 137, 44, 4.4),
    (3072, 30, 32, 3.6, 64, 512, 138, 44, 8.8),
    (4096, 36, 32, 7.5, 128, 512, 142, 46, 18.2),
    (6144, 40, 48, 18.4, 256, 1024, 135, 43, 34.6),
    (8192, 48, 64, 39.1, 512, 1536, 138, 44, 70.8),
    (10240, 60, 80, 76.1, 1024, 1792, 140, 45, 143.8),
    (12288, 80, 96, 145.6, 1536, 2304, 148, 47, 227.1),
    (16384, 96, 128, 310.1, 1920, 2160, 155, 50, 297.4),
    (20480, 105, 128, 529.6, 2520, 2520, 163, 52, 410.2),
    (25600, 128, 160, 1008.0, 3072, 3072, 163, 52, 502.0),
]


@pytest.mark.parametrize(("hidden", "layers", "heads", "billions"), [row[:4] for row in TABLE])
def test_parameters_out_of_the_spec(hidden, layers, heads, billions):
    """To the printed digit with the final norm, and exactly the formula without it; no array is made."""
    ids, key = jax.ShapeDtypeStruct((1, CONTEXT), "int32"), jax.random.key(0)
    gc.collect()  # what earlier tests left would vanish in between
    before = len(jax.live_arrays())

    def parameters(**options):
        model = nn.gpt(VOCAB, CONTEXT, hidden, heads, layers, repeat=True, **options)
        return count(jax.eval_shape(model.init, key, ids)[0])

    whole, plain = parameters(), parameters(final_norm=False)
    assert len(jax.live_arrays()) == before
    assert f"{whole / 1e9:.1f}" == f"{billions:.1f}"
    assert whole == plain + 2 * hidden
    formula = 12 * layers * hidden**2 * (1 + 13 / (12 * hidden) + (VOCAB + CONTEXT) / (12 * layers * hidden))
    np.testing.assert_allclose(plain, formula, rtol=1e-14)
    assert plain == gpt_parameters(layers, hidden, VOCAB, CONTEXT)


def test_blocks_written_out_have_as_many():
    ids = jax.ShapeDtypeStruct((1, 8), "int32")
    model = nn.gpt(50, 8, 16, 2, 3, final_norm=False)
    assert count(jax.eval_shape(model.init, jax.random.key(0), ids)[0]) == gpt_parameters(3, 16, 50, 8)


@pytest.mark.parametrize("row", TABLE)
def test_rates_and_percentages(row):
    hidden, layers, _, _, devices, batch, tera, percent, peta = row
    assert round(percent_of_peak(tera * 1e12, PEAK)) == percent
    assert abs(devices * tera / 1000 - peta) <= devices * 0.5 / 1000 + 0.05  # the rate is printed without decimals
    flops = gpt_flops(batch, layers, hidden, VOCAB, CONTEXT)
    formula = 96 * batch * CONTEXT * layers * hidden**2
    formula *= 1 + CONTEXT / (6 * hidden) + VOCAB / (16 * layers * hidden)
    np.testing.assert_allclose(float(flops), formula, rtol=1e-14)
    work = step_seconds(flops, devices, tera * 1e12) * devices * tera * 1e12
    np.testing.assert_allclose(work, float(flops))


def test_operations_equal_those_that_xla_counts():
    """The products of one small step, counted by the compiler in programs that hold nothing else."""
    batch, context, width, vocab = 2, 4, 8, 16
    shapes = {
        "query, key, value": ((batch * context, width), (width, 3 * width)),
        "out": ((batch * context, width), (width, width)),
        "mlp_in": ((batch * context, width), (width, 4 * width)),
        "mlp_out": ((batch * context, 4 * width), (4 * width, width)),
        "scores": ((batch, context, width), (batch, width, context)),
        "values": ((batch, context, context), (batch, context, width)),
    }

    def counted(a, b):
        a, b = (jax.ShapeDtypeStruct(s, "float32") for s in (a, b))
        return jax.jit(lambda a, b: a @ b).lower(a, b).cost_analysis()["flops"]

    layer = sum(counted(*pair) for pair in shapes.values())
    logits = counted((batch * context, width), (width, vocab))
    assert gpt_flops(batch, 3, width, vocab, context, recompute=False) == 3 * (3 * layer + logits)
    assert gpt_flops(batch, 3, width, vocab, context) == 4 * 3 * layer + 3 * logits
