"""Sampling: greedy against the plain forward pass, draws against probabilities, keys, and prompts past the context."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.sampling import generated

VOCAB, CONTEXT = 7, 6
PROMPT = np.array([[1, 2, 3], [4, 4, 0]], np.int32)


@pytest.fixture(scope="module", params=["learned", "rotary scanned"])
def model(request):
    """A pair of a small GPT and parameters that make it sure of itself."""
    options = {"positions": "rotary", "repeat": True, "kv_heads": 1} if "rotary" in request.param else {}
    spec = nn.gpt(VOCAB, CONTEXT, 8, 2, 2, init_std=1.0, **options)
    return spec, spec.init(jax.random.key(0), PROMPT)[0]


@jax.jit
def forward(spec, params, ids):
    """The plain forward pass."""
    return spec.apply(params, {}, ids)[0]


def naive(model, prompt, length):
    """The most likely tokens, one plain forward pass over the last ``CONTEXT`` tokens for each."""
    spec, params = model
    ids = np.asarray(prompt)
    for _ in range(length):
        logits = forward(spec, params, ids[:, -CONTEXT:])
        ids = np.concatenate([ids, np.argmax(logits[:, -1:], -1)], 1)
    return ids


@pytest.mark.parametrize(("prompt", "length"), [(3, 3), (3, 1), (3, 8), (6, 2), (9, 3)])
def test_greedy_equals_the_plain_forward_pass(model, prompt, length):
    rows = np.random.default_rng(0).integers(0, VOCAB, (2, prompt)).astype(np.int32)
    ours = nn.generate(model, rows, length, temperature=0)
    np.testing.assert_array_equal(ours, naive(model, rows, length))


def test_cached_logits_equal_the_uncached(model):
    spec, params = model
    ids = np.random.default_rng(0).integers(0, VOCAB, (2, CONTEXT)).astype(np.int32)
    whole, _ = spec.apply(params, {}, ids)
    cache, parts, step = spec.init_cache(params, 2), [], jax.jit(spec.apply_cached)
    for i in range(CONTEXT):
        logits, cache = step(params, {}, cache, ids[:, i : i + 1])
        parts.append(logits)
    np.testing.assert_allclose(jnp.concatenate(parts, 1), whole, rtol=1e-5, atol=1e-5)


def test_a_key_decides_every_draw(model):
    draws = [nn.generate(model, PROMPT, 20, 3.0, key=jax.random.key(seed)) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])
    np.testing.assert_array_equal(draws[0][:, :3], PROMPT)


def test_draws_follow_the_probabilities(model):
    spec, params = model
    rows = jnp.broadcast_to(PROMPT[:1], (4000, 3))
    drawn = nn.generate(model, rows, 1, temperature=2.0, key=jax.random.key(0))[:, -1]
    logits = spec.apply(params, {}, PROMPT[:1])[0][0, -1]
    expected = np.exp(logits / 2) / np.exp(logits / 2).sum()
    np.testing.assert_allclose(np.bincount(drawn, minlength=VOCAB) / 4000, expected, atol=0.03)


def test_top_k_draws_among_the_likeliest_only(model):
    spec, params = model
    rows = jnp.broadcast_to(PROMPT[:1], (500, 3))
    drawn = nn.generate(model, rows, 1, temperature=100.0, top_k=3, key=jax.random.key(0))[:, -1]
    best = np.argsort(spec.apply(params, {}, PROMPT[:1])[0][0, -1])[-3:]
    assert set(np.asarray(drawn).tolist()) == set(best.tolist())


def test_a_run_and_a_flat_prompt_are_taken(model):
    spec, params = model
    run = nn.Model(spec, params, {}, "softmax_cross_entropy")
    np.testing.assert_array_equal(nn.generate(run, PROMPT[0], 5, 0), nn.generate(model, PROMPT[:1], 5, 0)[0])


def test_temperature_is_traced(model):
    nn.generate(model, PROMPT, 4, 0.5, key=jax.random.key(0))
    before = generated._cache_size()
    nn.generate(model, PROMPT, 4, 0.0, key=jax.random.key(3))
    nn.generate(model, PROMPT, 4, 2.5, key=jax.random.key(4))
    assert generated._cache_size() == before


def test_a_model_without_a_cache(key):
    """A recurrent model of characters; its logits of a longer row begin with those of the shorter one."""
    spec = nn.Sequential(nn.Embed(VOCAB, 4, "glorot_normal"), nn.GRU(5, return_sequences=True), nn.Dense(VOCAB))
    params, _ = spec.init(key, PROMPT)
    params = jax.tree.map(lambda p: 3 * p, params)
    ids = PROMPT
    for _ in range(4):
        ids = np.concatenate([ids, np.argmax(forward(spec, params, ids)[:, -1:], -1)], 1)
    np.testing.assert_array_equal(nn.generate((spec, params), PROMPT, 4, temperature=0), ids)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"prompt": np.zeros((1, 0), int)}, r"at least one a row, got int32 \(1, 0\)"),
        ({"prompt": np.ones((1, 2))}, "the prompt must be ids"),
        ({"length": 0}, "length must be"),
        ({"temperature": -1.0}, "temperature must be 0 or more"),
        ({"top_k": 0}, "top_k=10"),
        ({}, "drawing needs a key; write generate"),
        (
            {"prompt": np.array([[0, VOCAB]]), "temperature": 0},
            rf"holds {VOCAB}, and the model's ids are 0 ... {VOCAB - 1}",
        ),
        ({"prompt": np.array([-1]), "temperature": 0}, "the prompt holds -1, and"),
    ],
)
def test_errors_show_the_call_to_write(model, arguments, words):
    with pytest.raises(ValueError, match=words):
        nn.generate(model, **{"prompt": PROMPT, "length": 2, **arguments})


def test_a_model_that_gives_no_logits_for_each_token_is_refused(key):
    spec = nn.Sequential(nn.Embed(VOCAB, 4), nn.GRU(5), nn.Dense(VOCAB))
    with pytest.raises(ValueError, match=r"needs logits \(batch, time, vocab\), and for ids \(2, 1\)"):
        nn.generate((spec, spec.init(key, PROMPT)[0]), np.zeros((2, 1), int), 3, temperature=0)


@pytest.mark.parametrize("own", [False, True])
def test_models_with_a_state_or_a_block_of_their_own(own, key):
    """A block without a cache is computed anew for every token; a state is used in either way."""
    block = nn.TransformerBlock(nn.Attention(2, causal=True), norm=nn.BatchNorm(momentum=0.0))
    block = nn.Sequential(block) if own else block
    spec = nn.GPT(nn.Embed(VOCAB, 4), block, layers=2, context=CONTEXT, positions=nn.LearnedPositions(CONTEXT))
    assert spec.has_cache is not own
    params, state = jax.jit(spec.init)(key, PROMPT)
    params = jax.tree.map(lambda p: 3 * p, params)
    _, state = spec.apply(params, state, PROMPT, train=True)
    params, state = jax.tree.map(np.asarray, (params, state))
    ids, window = PROMPT, jax.jit(spec.apply)
    for _ in range(3):
        ids = np.concatenate([ids, np.argmax(window(params, state, ids)[0][:, -1:], -1)], 1)
    np.testing.assert_array_equal(nn.generate((spec, params, state), PROMPT, 3, temperature=0), ids)


def test_a_run_is_used_in_its_precision():
    """The tokens are those of its own outputs, computed in bfloat16, one after the other."""
    ids = np.sort(np.random.default_rng(0).integers(0, 5, (16, 7)), 1)
    trial = nn.Trial(nn.gpt(vocab=5, context=6, width=8, heads=2, layers=1), "softmax_cross_entropy", optax.adam(0.03))
    run = nn.fit(trial, (ids[:, :-1], ids[:, 1:]), epochs=3, progress=False)
    half = run.cast("bfloat16")
    drawn = np.asarray(nn.generate(half, ids[:, :2], 3, temperature=0))
    for i in range(2, 5):
        logits = half.outputs(drawn[:, :i])[:, -1]
        chosen = np.take_along_axis(logits, drawn[:, i : i + 1], 1)[:, 0]
        assert (chosen >= logits.max(1) - 0.05).all()  # the cache rounds at other places
