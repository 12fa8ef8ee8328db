"""The GPT against PyTorch with the same parameters, its initial weights, its cache and its size."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn

VOCAB, CONTEXT, WIDTH, HEADS, LAYERS = 11, 6, 8, 2, 2
IDS = np.random.default_rng(0).integers(0, VOCAB, (3, 5)).astype(np.int32)


def build(**options):
    return nn.gpt(VOCAB, CONTEXT, WIDTH, HEADS, LAYERS, **options)


def test_equals_torch():
    """GPT-2's forward pass out of PyTorch's own layers, in inference and for the gradient of the embedding."""
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    model = build(init_std=0.5)
    params, _ = jax.jit(model.init)(jax.random.key(0), IDS)
    t = jax.tree.map(lambda p: torch.tensor(np.asarray(p), requires_grad=True), params)

    def norm(x, p):
        return functional.layer_norm(x, (WIDTH,), p["scale"], p["bias"], 1e-5)

    def dense(x, p):
        return x @ p["kernel"] + p["bias"]

    h = functional.embedding(torch.tensor(IDS), t["embed"]["embedding"]) + t["positions"]["embedding"][: IDS.shape[1]]
    for i in range(LAYERS):
        p = t["blocks"][f"transformer_block_{i}"]
        z = norm(h, p["attention_norm"])
        q, k, v = (
            dense(z, p["attention"][n]).view(*IDS.shape, HEADS, -1).transpose(1, 2) for n in ("query", "key", "value")
        )
        z = functional.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(h.shape)
        h = h + dense(z, p["attention"]["out"])
        z = functional.gelu(dense(norm(h, p["mlp_norm"]), p["mlp_in"]), approximate="tanh")
        h = h + dense(z, p["mlp_out"])
    expected = norm(h, t["norm"]) @ t["embed"]["embedding"].T
    targets = np.roll(IDS, -1, 1)
    functional.cross_entropy(expected.reshape(-1, VOCAB), torch.tensor(targets).long().ravel()).backward()

    def loss(params):
        y, _ = model.apply(params, {}, IDS)
        return nn.losses.softmax_cross_entropy(y, targets).mean(), y

    grads, y = jax.jit(jax.grad(loss, has_aux=True))(params)
    np.testing.assert_allclose(y, expected.detach(), rtol=1e-5, atol=1e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b.grad, rtol=1e-5, atol=1e-5), grads, t)


@pytest.mark.parametrize("positions", ["learned", "rotary"])
def test_repeat_is_the_same_model(positions):
    plain, scanned = build(positions=positions), build(positions=positions, repeat=True)
    params, _ = jax.jit(plain.init)(jax.random.key(0), IDS)
    blocks = [params["blocks"][f"transformer_block_{i}"] for i in range(LAYERS)]
    stacked = params | {"blocks": {"transformer_block_0": jax.tree.map(lambda *p: jnp.stack(p), *blocks)}}
    made = jax.eval_shape(scanned.init, jax.random.key(0), IDS)[0]
    assert jax.tree.structure(made) == jax.tree.structure(stacked)
    y = jax.jit(scanned.apply)(stacked, {}, IDS)[0]
    np.testing.assert_allclose(jax.jit(plain.apply)(params, {}, IDS)[0], y, rtol=1e-5, atol=1e-6)

    @jax.jit
    def cached(model, params):
        return model.apply_cached(params, {}, model.init_cache(params, 3), IDS)[0]

    ours = cached(scanned, stacked), cached(plain, params)
    np.testing.assert_allclose(ours[0], y, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ours[1], y, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("repeat", [False, True])
def test_initial_weights_are_those_of_gpt2(repeat):
    model = nn.gpt(300, 50, 64, 4, 8, repeat=repeat, init_std=0.1)
    params, _ = jax.jit(model.init)(jax.random.key(1), IDS)
    for path, leaf in jax.tree_util.tree_flatten_with_path(params)[0]:
        names = [part.key for part in path]
        if names[-1] == "bias":
            assert not leaf.any()
        elif names[-1] == "scale":
            assert (leaf == 1).all()
        else:
            std = 0.1 / 4 if names[-2] in ("out", "mlp_out") else 0.1
            np.testing.assert_allclose(leaf.std(), std, rtol=0.05)
            np.testing.assert_allclose(leaf.mean(), 0, atol=4 * std / leaf.size**0.5)


def test_depth_changes_no_compile_size():
    """The scanned model's program has as many equations for 40 layers as for 2."""

    def size(layers):
        model = nn.gpt(VOCAB, CONTEXT, WIDTH, HEADS, layers, repeat=True)
        params, _ = jax.eval_shape(model.init, jax.random.key(0), IDS)
        return len(str(jax.make_jaxpr(lambda p: model.apply(p, {}, IDS)[0])(params)).splitlines())

    assert size(40) == size(2)


def test_it_looks_back_only():
    model = build(positions="rotary")
    params, _ = jax.jit(model.init)(jax.random.key(0), IDS)
    apply = jax.jit(model.apply)
    y, _ = apply(params, {}, IDS)
    other, _ = apply(params, {}, np.concatenate([IDS[:, :3], (IDS[:, 3:] + 1) % VOCAB], 1))
    np.testing.assert_array_equal(y[:, :3], other[:, :3])
    assert not np.allclose(y[:, 3:], other[:, 3:])


def test_bfloat16_inside():
    model = build(dtype="bfloat16", init_std=0.5)
    params, _ = jax.jit(model.init)(jax.random.key(0), IDS)
    y, _ = jax.jit(model.apply)(params, {}, IDS)
    assert y.dtype == jnp.bfloat16
    assert all(p.dtype == jnp.float32 for p in jax.tree.leaves(params))
    cache = jax.eval_shape(lambda p: model.init_cache(p, 1), params)
    assert cache["blocks"]["transformer_block_0"]["key"].dtype == jnp.bfloat16
    wide, _ = jax.jit(build(init_std=0.5).apply)(params, {}, IDS)
    np.testing.assert_allclose(y.astype(jnp.float32), wide, rtol=0.2, atol=0.2)


def test_untied_output_has_weights_of_its_own():
    params, _ = jax.jit(build(tied=False).init)(jax.random.key(0), IDS)
    assert params["head"]["kernel"].shape == (WIDTH, VOCAB)
    assert not np.allclose(params["head"]["kernel"], params["embed"]["embedding"].T)


@pytest.mark.parametrize("ids", [np.zeros((2, 7), int), np.zeros(3, int), np.zeros((1, 2, 3), int)])
def test_ids_that_do_not_fit_are_refused(ids):
    with pytest.raises(ValueError, match=r"GPT takes ids \(batch, at most 6 tokens\), got"):
        build().init(jax.random.key(0), ids)


def test_unknown_positions_are_refused():
    with pytest.raises(ValueError, match='"learned" or "rotary"'):
        build(positions="sine")
