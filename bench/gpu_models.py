"""Larger models on one device: GPT-2 by tokens a second, attention's implementations, what compiling takes."""

import dataclasses
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax
from gpu_population import BATCH, data, limits, trial

import jaxnn as nn


def gpt2(tiny: bool) -> dict:
    """Tokens a second and the share of the peak, without recomputation, as `fit` trains it."""
    sizes = (64, 16, 32, 2, 1) if tiny else (50304, 1024, 768, 12, 12)
    known, rows = limits(), []
    for implementation in (None, "cudnn"):
        for batch in (2,) if tiny else (32, 16, 8):
            try:
                rows.append(_gpt2(sizes, batch, implementation, known))
                break
            except Exception as error:  # a smaller batch may fit; without cuDNN none does
                rows.append(_failed(error, attention=implementation or "default", batch=batch))
    return {"rows": rows} if known else {"rows": rows, "note": "the peak of this device is not known"}


def _gpt2(sizes: tuple, batch: int, implementation: str | None, known: object) -> dict:
    model = nn.gpt(*sizes, dtype="bfloat16")
    attention = dataclasses.replace(model.block.attention, implementation=implementation)
    model = dataclasses.replace(model, block=dataclasses.replace(model.block, attention=attention))
    vocab, context = sizes[:2]
    ids = np.random.default_rng(0).integers(0, vocab, (batch * 8, context + 1)).astype(np.int32)
    meter = nn.callbacks.utilisation(peak=known.peak if known else 1.0)
    run = nn.fit(
        nn.Trial(model, "softmax_cross_entropy", optax.adamw(3e-4)), (ids[:, :-1], ids[:, 1:]), epochs=4,
        batch_size=batch, callbacks=[meter], progress=False, rewind=False,
    )  # fmt: skip
    last = meter.table
    return {
        "attention": implementation or "default",
        "batch": batch,
        "tokens a second": max(last["tokens_per_second"][1:]),
        "MFU, percent": 100 * max(last["mfu"][1:]) if known else None,
        "compiling, s": run.timing["compile"],
        "loss": float(run.history["loss"][-1]),
    }


def attention(tiny: bool) -> dict:
    """`jax.nn.dot_product_attention` by cuDNN and by XLA, forward and backward: milliseconds, operations a second."""
    rows = []
    for length in (16,) if tiny else (1024, 2048, 4096):
        batch, heads, size = (1, 2, 8) if tiny else (16 * 1024 // length, 12, 64)
        key = jax.random.key(0, impl="threefry2x32")
        q = jax.random.normal(key, (batch, length, heads, size), jnp.bfloat16)
        work = 3 * 4 * batch * heads * length**2 * size / 2  # causal: half of it
        for implementation in ("xla", "cudnn"):
            try:
                seconds = _attention(q, implementation)
                rate = {"milliseconds": 1e3 * seconds, "teraFLOP/s": work / seconds / 1e12}
                rows.append({"tokens": length, "batch": batch, "by": implementation, **rate})
            except Exception as error:
                rows.append(_failed(error, tokens=length, batch=batch, by=implementation))
    return {"rows": rows}


def _attention(q: jax.Array, implementation: str) -> float:
    def total(q, k, v):
        y = jax.nn.dot_product_attention(q, k, v, is_causal=True, implementation=implementation)
        return y.astype(jnp.float32).sum()

    program = jax.jit(jax.grad(total, argnums=(0, 1, 2)))
    return _median(lambda: jax.block_until_ready(program(q, q, q)))


def _median(function: Callable, repeats: int = 11) -> float:
    function()
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - began)
    return float(np.median(seconds))


def compile(tiny: bool) -> dict:
    """Seconds of tracing and compiling, and of the rest, until one epoch of a fresh structure is done."""
    draw = np.random.default_rng(0)
    rows, entropy = 4 * BATCH, "softmax_cross_entropy"
    y = draw.integers(0, 10, rows)
    ids = draw.integers(0, 64, (rows, 32)).astype(np.int32)
    pictures, series = draw.normal(size=(rows, 28, 28, 1)), draw.normal(size=(rows, 50, 16))
    adam = optax.adam(1e-3)
    cases = {
        "digits MLP": (trial(1e-3), data(rows)),
        "LeNet": (nn.Trial(nn.lenet(10), entropy, adam), (pictures.astype(np.float32), y)),
        "LSTM of 64": (nn.Trial(nn.rnn_classifier(64, 10), entropy, adam), (series.astype(np.float32), y)),
        "GPT, 4 x 128": (nn.Trial(nn.gpt(64, 32, 128, 4, 4), entropy, adam), (ids, ids)),
    }
    found = []
    for name in list(cases)[: 1 if tiny else None]:
        began = time.perf_counter()
        run = nn.fit(*cases[name], epochs=1, batch_size=BATCH, progress=False)
        spent = time.perf_counter() - began
        found.append({"model": name, "compiling, s": run.timing["compile"], "all, s": spent})
    return {"rows": found}


def _failed(error: Exception, **about: object) -> dict:
    return {**about, "failed": (str(error).splitlines() or [type(error).__name__])[0][:120]}
