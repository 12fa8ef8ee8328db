"""Attention against Flax and PyTorch with the same parameters and masks, forward and gradient, and its cache."""

import flax.linen as linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn

BATCH, TIME, SOURCE, WIDTH, HEADS = 2, 5, 3, 8, 4
DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(BATCH, TIME, WIDTH)).astype(np.float32)
Z = DRAW.normal(size=(BATCH, SOURCE, 6)).astype(np.float32)
SEEN = np.array([[1, 1, 1, 1, 0], [1, 1, 0, 0, 0]])
GIVEN = DRAW.integers(0, 2, (BATCH, HEADS, TIME, TIME)) | np.eye(TIME, dtype=int)


def random_params(layer, x):
    params, _ = jax.eval_shape(layer.init, jax.random.key(0), x)
    draw = np.random.default_rng(1)
    return jax.tree.map(lambda p: jnp.asarray(draw.normal(size=p.shape) * 0.5, jnp.float32), params)


def weighed(y):
    """One number out of the outputs, in which every one has another weight."""
    return (y * jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape)).sum()


def ours(layer, params, make, *arrays):
    """Outputs and gradients; ``make`` builds the input out of the arrays that are differentiated."""

    def loss(p, *arrays):
        y, _ = layer.apply(p, {}, make(*arrays))
        y = y[0] if isinstance(y, tuple) else y
        return weighed(y), y

    return jax.jit(jax.value_and_grad(loss, tuple(range(len(arrays) + 1)), has_aux=True))(params, *arrays)


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def to_flax(params):
    """Kernels and biases with the axis of heads that Flax gives them."""
    split = {
        name: {k: v.reshape(*v.shape[:-1], HEADS, -1) for k, v in params[name].items()}
        for name in ("query", "key", "value")
    }
    out = {"kernel": params["out"]["kernel"].reshape(HEADS, -1, WIDTH)}
    return split | {"out": out | ({"bias": params["out"]["bias"]} if "bias" in params["out"] else {})}


CASES = {
    "plain": (lambda x: x, None),
    "padding as a tuple": (lambda x: (x, SEEN), SEEN[:, None, None].astype(bool)),
    "padding": (lambda x: {"query": x, "mask": SEEN}, SEEN[:, None, None].astype(bool)),
    "given": (lambda x: {"query": x, "mask": GIVEN}, GIVEN.astype(bool)),
    "given without heads": (lambda x: {"query": x, "mask": GIVEN[:, 0]}, GIVEN[:, :1].astype(bool)),
}


@pytest.mark.parametrize("implementation", [None, "xla"])
@pytest.mark.parametrize("case", CASES)
def test_self_attention_equals_flax(case, implementation):
    make, mask = CASES[case]
    layer = nn.Attention(HEADS, implementation=implementation)
    params = random_params(layer, X)
    (_, y), (grads, to_x) = ours(layer, params, make, X)
    theirs = linen.MultiHeadDotProductAttention(HEADS)

    def flax(p, x):
        x = jnp.where(SEEN[..., None] == 1, x, 0.0) if case.startswith("padding") else x  # a masked step holds zeros
        y = theirs.apply({"params": to_flax(p)}, x, mask=mask)
        return weighed(y), y

    (_, expected), (expected_grads, expected_x) = jax.jit(jax.value_and_grad(flax, (0, 1), has_aux=True))(params, X)
    close(y, expected)
    close(to_x, expected_x)
    jax.tree.map(close, grads, expected_grads)


@pytest.mark.parametrize("seen", [None, np.array([[1, 1, 0], [1, 0, 0]])])
def test_cross_attention_equals_flax(seen):
    layer = nn.Attention(HEADS, use_bias=False)

    def make(x, z):
        return {"query": x, "context": z} | ({} if seen is None else {"mask": seen})

    params = random_params(layer, make(X, Z))
    (_, y), (grads, to_x, to_z) = ours(layer, params, make, X, Z)
    mask = None if seen is None else seen[:, None, None].astype(bool)

    def flax(p, x, z):
        z = z if seen is None else jnp.where(seen[..., None] == 1, z, 0.0)
        theirs = linen.MultiHeadDotProductAttention(HEADS, use_bias=False)
        y = theirs.apply({"params": to_flax(p)}, x, z, mask=mask)
        return weighed(y), y

    (_, expected), others = jax.jit(jax.value_and_grad(flax, (0, 1, 2), has_aux=True))(params, X, Z)
    close(y, expected)
    jax.tree.map(close, (grads, to_x, to_z), others)


@pytest.mark.parametrize("implementation", [None, "xla"])
@pytest.mark.parametrize("masked", [False, True])
def test_causal_grouped_heads_equal_torch(masked, implementation):
    torch = pytest.importorskip("torch")
    layer = nn.Attention(HEADS, kv_heads=2, head_size=6, causal=True, implementation=implementation)
    params = random_params(layer, X)
    seen = np.array([[1, 1, 1, 1, 0], [1, 1, 0, 1, 1]])
    make = (lambda x: (x, seen)) if masked else (lambda x: x)
    (_, y), (grads, to_x) = ours(layer, params, make, X)

    p = jax.tree.map(lambda v: torch.tensor(np.asarray(v), requires_grad=True), params)
    x = torch.tensor(X, requires_grad=True)
    real = x * torch.tensor(seen[..., None], dtype=torch.float32) if masked else x
    q, k, v = (
        (real @ p[n]["kernel"] + p[n]["bias"]).view(BATCH, TIME, heads, 6).transpose(1, 2)
        for n, heads in (("query", HEADS), ("key", 2), ("value", 2))
    )
    mask = np.tril(np.ones((TIME, TIME), bool))[None, None]
    mask = torch.tensor(mask & seen[:, None, None].astype(bool) if masked else mask)
    heads = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True)
    expected = heads.transpose(1, 2).reshape(BATCH, TIME, -1) @ p["out"]["kernel"] + p["out"]["bias"]
    (expected * torch.cos(torch.arange(expected.numel()).float()).view(expected.shape)).sum().backward()
    close(y, expected.detach())
    close(to_x, x.grad)
    jax.tree.map(lambda a, b: close(a, b.grad), grads, p)


def test_equals_torch_multihead_attention_with_padding():
    torch = pytest.importorskip("torch")
    layer = nn.Attention(HEADS)
    params = random_params(layer, X)
    theirs = torch.nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
    joined = {k: np.concatenate([params[n][k].T for n in ("query", "key", "value")]) for k in ("kernel", "bias")}
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.tensor(joined["kernel"]))
        theirs.in_proj_bias.copy_(torch.tensor(joined["bias"]))
        theirs.out_proj.weight.copy_(torch.tensor(np.asarray(params["out"]["kernel"].T)))
        theirs.out_proj.bias.copy_(torch.tensor(np.asarray(params["out"]["bias"])))
    x = torch.tensor(X * SEEN[..., None].astype(np.float32))
    expected, _ = theirs(x, x, x, key_padding_mask=torch.tensor(SEEN == 0), need_weights=False)
    close(layer.apply(params, {}, (X, SEEN))[0][0], expected.detach())


def test_the_mask_of_a_tuple_is_handed_on():
    layer = nn.Attention(HEADS)
    params = random_params(layer, X)
    (_, mask), _ = layer.apply(params, {}, (X, SEEN))
    assert mask is SEEN


def test_a_row_that_may_see_nothing_takes_the_mean():
    layer = nn.Attention(HEADS)
    params = random_params(layer, X)
    y, _ = layer.apply(params, {}, {"query": X, "mask": np.zeros((BATCH, TIME, TIME))})
    mean = X.mean(1) @ params["value"]["kernel"] + params["value"]["bias"][None]
    expected = mean @ params["out"]["kernel"] + params["out"]["bias"][None]
    close(y, jnp.broadcast_to(expected[:, None], y.shape))


def test_dropped_weights_have_the_mean_of_all():
    """Over many keys the mean of the outputs is that without dropout; every weight is dropped or doubled."""
    layer = nn.Attention(1, head_size=WIDTH, dropout=0.5, use_bias=False)
    params = random_params(layer, X) | {"out": {"kernel": jnp.eye(WIDTH)}, "value": {"kernel": jnp.eye(WIDTH)}}
    eye = jnp.broadcast_to(jnp.eye(WIDTH)[None], (1, WIDTH, WIDTH))  # the outputs are the weights themselves
    keys = jax.random.split(jax.random.key(5), 4000)
    draws = jax.jit(jax.vmap(lambda k: layer.apply(params, {}, eye, key=k, train=True)[0]))(keys)
    weights, _ = layer.apply(params, {}, eye)
    ratio = np.asarray(draws / weights[None])
    np.testing.assert_allclose(np.minimum(ratio, abs(ratio - 2)), 0, atol=1e-5)
    np.testing.assert_allclose(ratio.mean(0), 1, atol=0.1)


@pytest.mark.parametrize("positions", [None, "rotary"])
@pytest.mark.parametrize("chunks", [(5,), (1, 1, 1, 1, 1), (3, 2)])
def test_the_cache_gives_the_outputs_of_the_whole(positions, chunks):
    layer = nn.Attention(HEADS, kv_heads=2, causal=True, positions=positions)
    params = random_params(layer, X)
    whole, _ = jax.jit(layer.apply)(params, {}, X)
    cache, parts = layer.init_cache(params, BATCH, 7), []
    step = jax.jit(layer.apply_cached)
    for part in np.split(X, np.cumsum(chunks)[:-1], axis=1):
        y, cache = step(params, {}, cache, part)
        parts.append(y)
    close(jnp.concatenate(parts, 1), whole)
    assert int(cache["index"]) == TIME


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: nn.Attention(4, kv_heads=3), r"write Attention\(heads=4, kv_heads=1\)"),
        (lambda: nn.Attention(4, positions="sine"), "see LearnedPositions"),
        (lambda: nn.Attention(4, implementation="flash"), "one of"),
        (lambda: nn.Attention(3).init(jax.random.key(0), X), "write heads that divide 8"),
        (lambda: nn.Attention(8, positions="rotary").init(jax.random.key(0), X), "head_size=2"),
        (lambda: nn.Attention(4).init(jax.random.key(0), {"x": X}), '"query", "context" and "mask", got'),
        (
            lambda: nn.Attention(4).apply(random_params(nn.Attention(4), X), {}, (X, np.ones((2, 4)))),
            r"and a mask \(2, 4\); write .* of shape \(2, 5\)",
        ),
        (lambda: nn.Attention(4).apply_cached({}, {}, {}, X), "causal=True"),
        (lambda: nn.Attention(4, dropout=0.1).apply({}, {}, X, train=True), "got no key"),
    ],
)
def test_errors_show_the_call_to_write(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_rotary_positions_turn_queries_and_keys_by_their_places_alone():
    """Against complex numbers in NumPy: pairs of a head are turned by ``place * base ** (-i / half)``."""
    layer = nn.Attention(2, head_size=4, positions="rotary", rotary_base=50.0, use_bias=False)
    params = random_params(layer, X)
    q, k, v = ((X @ params[n]["kernel"]).reshape(BATCH, TIME, 2, 4) for n in ("query", "key", "value"))
    turn = np.exp(1j * np.arange(TIME)[:, None] * 50.0 ** (-np.arange(2) / 2))[None, :, None]
    q, k = ((a[..., :2] + 1j * a[..., 2:]) * turn for a in (np.asarray(q), np.asarray(k)))
    logits = np.einsum("bthi,bshi->bhts", q, k.conj()).real / 2
    weights = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    expected = np.einsum("bhts,bshi->bthi", weights, v).reshape(BATCH, TIME, 8) @ params["out"]["kernel"]
    close(layer.apply(params, {}, X)[0], expected)


def test_the_cache_has_the_shapes_it_tells_and_the_dtype_it_is_told():
    layer = nn.Attention(HEADS, kv_heads=2, head_size=6, causal=True)
    params = random_params(layer, X)
    assert {n: params[n]["kernel"].shape for n in params} == {
        "query": (8, 24), "key": (8, 12), "value": (8, 12), "out": (24, 8)
    }  # fmt: skip
    for dtype, wanted in ((None, jnp.float32), (jnp.bfloat16, jnp.bfloat16)):
        cache = layer.init_cache(params, 3, 7, dtype)
        assert cache["key"].shape == cache["value"].shape == (3, 7, 2, 6)
        assert cache["key"].dtype == cache["value"].dtype == wanted
        assert int(cache["index"]) == 0 and not cache["key"].any() and not cache["value"].any()


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (X[..., :7], r"a query kernel \(8, 8\) and got inputs \(2, 5, 7\); write inputs \(batch, time, 8\)"),
        ({"query": X, "context": Z}, r"a key kernel \(8, 8\) and got inputs \(2, 3, 6\)"),
        (X[0], r"needs \(batch, time, width\), got \(5, 8\) and \(5, 8\); write x\[None\]"),
        ({"query": X, "context": Z[0]}, r"got \(2, 5, 8\) and \(3, 6\)"),
        ({"query": X, "mask": np.ones((2, 5, 4))}, r"a mask \(2, 5, 4\); write one of shape \(2, 5\)"),
        ({"query": X, "mask": np.ones((2, 4, 5))}, r"broadcasts to \(2, 4, 5, 5\)"),
        ({"query": X, "mask": np.ones((2, 3, 5, 5))}, r"a mask \(2, 3, 5, 5\)"),
        ({"query": X, "mask": np.ones((3, 5))}, r"a mask \(3, 5\)"),
        ({"query": X, "mask": np.ones(5)}, r"a mask \(5,\)"),
        ({"query": X, "mask": np.ones((2, 1, 1, 1, 5))}, r"a mask \(2, 1, 1, 1, 5\)"),
    ],
)
def test_inputs_and_masks_that_do_not_fit_are_told(inputs, words):
    layer = nn.Attention(HEADS)
    with pytest.raises(ValueError, match=words):
        layer.apply(random_params(layer, X), {}, inputs)


@pytest.mark.parametrize("shape", [(1, 5, 5), (2, 1, 5), (1, 1, 1, 5), (2, 4, 1, 5), (1, 4, 5, 5)])
def test_masks_of_one_meet_all(shape):
    layer = nn.Attention(HEADS)
    params, mask = random_params(layer, X), DRAW.integers(0, 2, shape) | np.eye(TIME, dtype=int)[:1]
    full = mask[:, None] if mask.ndim == 3 else mask
    full = np.broadcast_to(full, (BATCH, HEADS, TIME, TIME))
    one, all_ = (layer.apply(params, {}, {"query": X, "mask": m})[0] for m in (mask, full))
    close(one, all_)
