"""Sampling from a model of sequences, in one compiled program."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import Tracer

from jaxnn.core import checks
from jaxnn.core.precision import DEFAULT
from jaxnn.core.tree import cast
from jaxnn.core.types import Hyper, Key, Params, State


def generate(
    model: Any,
    prompt: Any,
    length: int,
    temperature: Hyper = 1.0,
    top_k: int | None = None,
    key: Key | None = None,
) -> Any:
    """Draw tokens one after the other, each from what the model says after all before it.

    A model with a key/value cache, such as `gpt`, computes each token once, up to its ``context``; past that it sees
    the last ``context`` tokens, computed anew for every token. A model without one, any that is causal and gives
    ``(batch, time, vocab)`` for ids ``(batch, time)``, is computed anew for every token.

    Args:
        model: a `Run`, used in its precision, for which ``run.cast("bfloat16")`` gives another; or ``(model, params)``,
            or ``(model, params, state)`` for a model with a state.
        prompt: ids, ``(batch, time)`` or ``(time,)``, at least one of each row.
        length: how many tokens are drawn.
        temperature: logits are divided by it; 0 takes the most likely token. It may be traced.
        top_k: draw among this many most likely tokens only; None draws among all.
        key: of the draws; the same key gives the same tokens. At a concrete temperature of 0 there is no need of one.

    Returns:
        Ids ``(batch, time + length)``, or ``(time + length,)``: the prompt and what follows.

    Raises:
        ValueError: for a prompt that is empty or holds what is no id of the model, a model without logits for
            every token, a size below 1, a negative temperature, or a missing key.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> model = nn.gpt(vocab=5, context=4, width=8, heads=2, layers=1)
        >>> params, _ = model.init(jax.random.key(0), jnp.zeros((1, 1), "int32"))
        >>> nn.generate((model, params), jnp.array([1, 2]), length=6, key=jax.random.key(1)).shape
        (8,)
    """
    call = "generate(run, prompt, 100, temperature=0.8, key=jax.random.key(0))"
    by_hand = isinstance(model, (tuple, list))
    given = model if by_hand else (model.spec, model.params, model.state)
    precision = (None if by_hand else model.precision) or DEFAULT
    spec, params, state = (*given, {})[:3]
    prompt = jnp.asarray(prompt)
    if prompt.ndim not in (1, 2) or not prompt.shape[-1] or not jnp.issubdtype(prompt.dtype, jnp.integer):
        raise ValueError(f"the prompt must be ids, at least one a row, got {prompt.dtype} {prompt.shape}; write {call}")
    checks.size("length", length, call)
    checks.not_negative("temperature", temperature, call)
    if top_k is not None:
        checks.size("top_k", top_k, f"{call[:-1]}, top_k=10)")
    if key is None:
        if not (checks.is_concrete(temperature) and temperature == 0):
            raise ValueError(f"drawing needs a key; write {call}, or temperature=0 for the most likely tokens")
        key = jax.random.key(0, impl="threefry2x32")
    rows = jnp.atleast_2d(prompt).astype(jnp.int32)
    _check_ids(spec, params, state, rows, call)
    with precision.tracing():
        params = cast(params, precision.compute)
        ids = generated(spec, params, state, rows, length, temperature, top_k, key)
    return ids if prompt.ndim == 2 else ids[0]


def _check_ids(spec: Any, params: Params, state: State, prompt: Any, call: str) -> None:
    """Raise unless the model gives logits for every token, and has each id of the prompt that is not traced."""
    seen = jax.ShapeDtypeStruct((prompt.shape[0], min(prompt.shape[1], getattr(spec, "context", 1))), prompt.dtype)
    logits = jax.eval_shape(lambda p, s, x: spec.apply(p, s, x)[0], params, state, seen)
    shape = getattr(logits, "shape", ())
    if len(shape) != 3 or shape[:2] != seen.shape:
        raise ValueError(
            f"drawing needs logits (batch, time, vocab), and for ids {seen.shape} this model gives {shape}; "
            "write a model such as nn.gpt(...)"
        )
    if isinstance(prompt, Tracer):
        return
    least, largest = int(prompt.min()), int(prompt.max())
    if least < 0 or largest >= shape[2]:
        wrong = least if least < 0 else largest
        raise ValueError(f"the prompt holds {wrong}, and the model's ids are 0 ... {shape[2] - 1}; write {call}")


@partial(jax.jit, static_argnames=("length", "top_k"))
def generated(spec, params, state, prompt, length, temperature, top_k, key):
    """What `generate` runs, after its checks: ids ``(batch, time + length)`` for a prompt ``(batch, time)``."""
    (batch, start), total = prompt.shape, prompt.shape[1] + length
    ids = jnp.concatenate([prompt, jnp.zeros((batch, length), jnp.int32)], axis=1)
    context = getattr(spec, "context", total)
    cached = min(total, context) if getattr(spec, "has_cache", False) and start <= context else start

    def draw(ids, logits, i):
        """Put the token at position ``i``, given the logits ``(batch, vocab)`` after the one before."""
        token = _draw(logits, temperature, top_k, jax.random.fold_in(key, i))
        return jax.lax.dynamic_update_slice_in_dim(ids, token[:, None], i, axis=1)

    if cached > start:
        logits, cache = spec.apply_cached(params, state, spec.init_cache(params, batch, cached), prompt)

        def with_cache(carry, i):
            ids, logits, cache = carry
            ids = draw(ids, logits, i)
            token = jax.lax.dynamic_slice_in_dim(ids, i, 1, axis=1)
            logits, cache = spec.apply_cached(params, state, cache, token)
            return (ids, logits[:, -1], cache), None

        carry = (ids, logits[:, -1], cache)
        (ids, logits, _), _ = jax.lax.scan(with_cache, carry, jnp.arange(start, cached - 1))
        ids = draw(ids, logits, cached - 1)

    window = min(total, context)

    def anew(ids, i):
        first = jnp.maximum(0, i - window)
        seen = jax.lax.dynamic_slice_in_dim(ids, first, window, axis=1)
        logits, _ = spec.apply(params, state, seen)  # (batch, window, vocab); what comes after i is not seen
        return draw(ids, jax.lax.dynamic_index_in_dim(logits, i - 1 - first, 1, keepdims=False), i), None

    return jax.lax.scan(anew, ids, jnp.arange(cached, total))[0] if cached < total else ids


def _draw(logits, temperature, top_k, key):
    logits = logits.astype(jnp.float32)
    if top_k is not None:
        least = jax.lax.top_k(logits, min(top_k, logits.shape[-1]))[0][:, -1:]
        logits = jnp.where(logits < least, -jnp.inf, logits)
    temperature = jnp.asarray(temperature, jnp.float32)
    scaled = logits / jnp.where(temperature > 0, temperature, 1)
    drawn = jax.random.categorical(key, scaled)
    return jnp.where(temperature > 0, drawn, jnp.argmax(logits, axis=-1)).astype(jnp.int32)
