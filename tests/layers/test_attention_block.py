"""The transformer block against PyTorch's encoder layer with the same parameters, and its cache."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn

BATCH, TIME, WIDTH, HEADS, HIDDEN = 2, 5, 8, 4, 12
X = np.random.default_rng(0).normal(size=(BATCH, TIME, WIDTH)).astype(np.float32)
SEEN = np.array([[1, 1, 1, 1, 0], [1, 1, 0, 0, 0]])


def random_params(layer, x):
    params, _ = jax.eval_shape(layer.init, jax.random.key(0), x)
    draw = np.random.default_rng(1)
    return jax.tree.map(lambda p: jnp.asarray(draw.normal(size=p.shape) * 0.5, jnp.float32), params)


def torch_block(torch, params):
    """PyTorch's layer with these parameters."""
    layer = torch.nn.TransformerEncoderLayer(
        WIDTH,
        HEADS,
        HIDDEN,
        dropout=0.0,
        activation=lambda x: torch.nn.functional.gelu(x, approximate="tanh"),
        batch_first=True,
        norm_first=True,
    )
    names = ("query", "key", "value")
    values = {
        "self_attn.in_proj_weight": np.concatenate([params["attention"][n]["kernel"].T for n in names]),
        "self_attn.in_proj_bias": np.concatenate([params["attention"][n]["bias"] for n in names]),
        "self_attn.out_proj.weight": params["attention"]["out"]["kernel"].T,
        "self_attn.out_proj.bias": params["attention"]["out"]["bias"],
        "linear1.weight": params["mlp_in"]["kernel"].T,
        "linear1.bias": params["mlp_in"]["bias"],
        "linear2.weight": params["mlp_out"]["kernel"].T,
        "linear2.bias": params["mlp_out"]["bias"],
        "norm1.weight": params["attention_norm"]["scale"],
        "norm1.bias": params["attention_norm"]["bias"],
        "norm2.weight": params["mlp_norm"]["scale"],
        "norm2.bias": params["mlp_norm"]["bias"],
    }
    layer.load_state_dict({name: torch.tensor(np.asarray(v)) for name, v in values.items()})
    return layer


@pytest.mark.parametrize("causal", [False, True])
def test_equals_torch(causal):
    torch = pytest.importorskip("torch")
    block = nn.TransformerBlock(nn.Attention(HEADS, causal=causal), hidden=HIDDEN)
    params = random_params(block, X)
    theirs = torch_block(torch, params)
    x = torch.tensor(X, requires_grad=True)
    mask = torch.triu(torch.full((TIME, TIME), float("-inf")), 1) if causal else None
    expected = theirs(x, src_mask=mask)
    (expected**2).sum().backward()

    def loss(params, x):
        y, _ = block.apply(params, {}, x)
        return (y**2).sum(), y

    (_, y), (grads, to_x) = jax.jit(jax.value_and_grad(loss, (0, 1), has_aux=True))(params, X)
    np.testing.assert_allclose(y, expected.detach(), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(to_x, x.grad, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(grads["mlp_in"]["kernel"].T, theirs.linear1.weight.grad, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(grads["attention_norm"]["scale"], theirs.norm1.weight.grad, rtol=1e-4, atol=1e-4)


def test_padding_equals_torch_and_is_handed_on():
    torch = pytest.importorskip("torch")
    block = nn.TransformerBlock(nn.Attention(HEADS), hidden=HIDDEN)
    params = random_params(block, X)
    expected = torch_block(torch, params).train()(torch.tensor(X), src_key_padding_mask=torch.tensor(SEEN == 0))
    (y, handed), _ = block.apply(params, {}, (X, SEEN))
    assert handed is SEEN
    real = SEEN.astype(bool)
    np.testing.assert_allclose(np.asarray(y)[real], expected.detach().numpy()[real], rtol=1e-5, atol=1e-5)


def test_other_norms_and_no_bias(key):
    block = nn.TransformerBlock(nn.Attention(2, use_bias=False), norm=nn.RMSNorm(), use_bias=False)
    params, _ = jax.eval_shape(block.init, key, X)
    assert {leaf[-1].key for leaf, _ in jax.tree_util.tree_flatten_with_path(params)[0]} == {"kernel", "scale"}
    assert params["mlp_in"]["kernel"].shape == (WIDTH, 4 * WIDTH)


def test_the_cache_gives_the_outputs_of_the_whole():
    block = nn.TransformerBlock(nn.Attention(HEADS, causal=True), hidden=HIDDEN)
    params = random_params(block, X)
    whole, _ = jax.jit(block.apply)(params, {}, X)
    cache, step = block.init_cache(params, BATCH, TIME), jax.jit(block.apply_cached)
    first, cache = step(params, {}, cache, X[:, :3])
    last, _ = step(params, {}, cache, X[:, 3:])
    np.testing.assert_allclose(jnp.concatenate([first, last], 1), whole, rtol=1e-5, atol=1e-5)


def test_dropout_zeroes_what_the_parts_add():
    block = nn.TransformerBlock(nn.Attention(HEADS), hidden=HIDDEN, dropout=0.5)
    params = random_params(block, X)
    still = jax.tree.map(jnp.zeros_like, params["mlp_out"])
    y, _ = block.apply(params | {"mlp_out": still}, {}, X, key=jax.random.key(3), train=True)
    plain, _ = block.apply(params | {"mlp_out": still}, {}, X)
    ratio = np.asarray((y - X) / (plain - X))
    np.testing.assert_allclose(np.minimum(abs(ratio), abs(ratio - 2)), 0, atol=1e-3)
    assert 0.2 < (ratio > 1).mean() < 0.8


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: nn.TransformerBlock(4), TypeError, r"write Attention\(heads=4\)"),
        (lambda: nn.TransformerBlock(nn.Attention(2), hidden=0), ValueError, "hidden=256"),
        (lambda: nn.TransformerBlock(nn.Attention(2), dropout=1.5), ValueError, "dropout=0.1"),
        (
            lambda: nn.TransformerBlock(nn.Attention(3)).init(jax.random.key(0), X),
            ValueError,
            "attention: Attention splits",
        ),
    ],
)
def test_errors_show_the_call_to_write(call, error, words):
    with pytest.raises(error, match=words):
        call()
