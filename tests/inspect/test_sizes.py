"""A GPT in numbers, against a model that is initialised and the published formulas."""

import gc

import jax
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.core.tree import count
from jaxnn.inspect.sizes import sizes

SMALL = dict(vocab=50, context=8, width=16, heads=4, layers=3)


@pytest.mark.parametrize(
    "options", [{}, dict(tied=False), dict(positions="rotary"), dict(kv_heads=2, hidden=24), dict(final_norm=False)]
)
def test_parameters_are_those_of_the_model_and_operations_those_of_its_step(options):
    model = nn.gpt(**SMALL, **options)
    ids = jax.ShapeDtypeStruct((1, 8), "int32")
    params, state = jax.eval_shape(model.init, jax.random.key(0), ids)
    found = sizes(model)
    assert found.parameters == count(params) and found.blocks == count(params["blocks"])
    step = jax.grad(lambda p, v: model.apply(p, state, v)[0].sum())
    assert found.flops() == nn.flops(step, params, ids) == 3 * found.forward
    assert (found.layers, found.width, found.heads, found.vocab, found.context) == (3, 16, 4, 50, 8)
    assert (found.kv_heads, found.hidden) == (options.get("kv_heads", 4), options.get("hidden", 64))


@pytest.mark.parametrize(("h", "layers", "heads"), [(2304, 24, 24), (20480, 105, 128)])
def test_operations_with_and_without_recomputation_are_the_published_formulas(h, layers, heads):
    s, v = 2048, 51200
    found = sizes(nn.gpt(v, s, h, heads, layers))
    full = 96 * s * layers * h**2 * (1 + s / (6 * h) + v / (16 * layers * h))  # Narayanan et al., 2021
    none = 72 * s * layers * h**2 * (1 + s / (6 * h) + v / (12 * layers * h))  # Korthikanti et al., 2022
    selective = 72 * s * layers * h**2 * (1 + s / (3 * h) + v / (12 * layers * h))
    for recompute, formula in (("full", full), (None, none), ("selective", selective)):
        np.testing.assert_allclose(float(found.flops(recompute)), formula, rtol=1e-14)


def test_the_largest_is_counted_without_an_array():
    gc.collect()  # what earlier tests left would vanish in between
    before = len(jax.live_arrays())
    found = sizes(nn.gpt(51200, 2048, 25600, 160, 128))
    assert len(jax.live_arrays()) == before
    assert f"{found.parameters / 1e9:.1f}" == "1008.0"


def test_other_models_are_refused_with_the_call_to_write():
    odd = nn.GPT(nn.Embed(50, 16), nn.TransformerBlock(nn.Attention(2, head_size=3, causal=True)), 3, 8)
    for model in (nn.mlp((4,), out=1), nn.lenet(10), None, odd):
        with pytest.raises(TypeError, match=r"that of a GPT, got \w+; write nn\.scale\(nn\.gpt\(\.\.\.\), batch=512\)"):
            sizes(model)
