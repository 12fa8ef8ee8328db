"""The layers in NumPy, as they are written into a file that needs nothing else.

A file holds those that its network uses, as they stand here; arrays are ``(batch, ...)`` with the channels last, and a
mask ``(batch, time)`` is None or not 0 where a step is real.
"""

import math

import numpy as np

from jaxnn.export.formulas_activations import sigmoid, softmax


def binary(z):
    """The probabilities of no and yes, (batch, ..., 2), of logits of yes."""
    z = z if z.ndim > 1 else z[:, None]
    return np.concatenate([sigmoid(-z), sigmoid(z)], -1)


def column(y):
    """(batch,) of (batch, 1); all else as it is."""
    return y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y


def dense(x, kernel, bias=0.0):
    """x @ kernel + bias"""
    return x @ kernel + bias


def batch_norm(x, mean, var, scale=1.0, bias=0.0, eps=1e-3):
    """(x - mean) / sqrt(var + eps) * scale + bias, with the running mean and variance"""
    return (x - mean) / np.sqrt(var + eps) * scale + bias


def layer_norm(x, scale=1.0, bias=0.0, eps=1e-5):
    """(x - mean) / sqrt(var + eps) * scale + bias, with mean and variance of the last axis"""
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + eps) * scale + bias


def rms_norm(x, scale=1.0, eps=1e-5):
    """x / sqrt(mean(x^2) + eps) * scale"""
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + eps) * scale


def group_norm(x, groups, scale=1.0, bias=0.0, eps=1e-5):
    """(x - mean) / sqrt(var + eps) * scale + bias, over all places of a group of channels"""
    y = x.reshape(len(x), -1, groups, x.shape[-1] // groups)
    y = y - y.mean((1, 3), keepdims=True)
    y = y / np.sqrt((y**2).mean((1, 3), keepdims=True) + eps)
    return y.reshape(x.shape) * scale + bias


def windows(x, window, strides, padding, dilation, empty):
    """All windows of the axes between batch and channels, (batch, *places, channels, *window)."""
    axes = x.ndim - 2
    window, strides, dilation = (v if isinstance(v, tuple) else (v,) * axes for v in (window, strides, dilation))
    spans = [(n - 1) * d + 1 for n, d in zip(window, dilation, strict=True)]
    if padding == "same":  # ceil(size / stride) places
        more = [max((-(-n // s) - 1) * s + k - n, 0) for n, s, k in zip(x.shape[1:-1], strides, spans, strict=True)]
        pads = [(n // 2, n - n // 2) for n in more]
    elif padding == "causal":
        pads = [(k - 1, 0) for k in spans]
    elif padding == "valid":
        pads = [(0, 0)] * axes
    else:
        pads = [
            p if isinstance(p, tuple) else (p, p) for p in (padding if isinstance(padding, tuple) else [padding] * axes)
        ]
    x = np.pad(x, [(0, 0), *pads, (0, 0)], constant_values=empty)
    found = np.lib.stride_tricks.sliding_window_view(x, spans, axis=tuple(range(1, axes + 1)))
    every = [slice(None, None, s) for s in strides]
    return found[(slice(None), *every, slice(None), *(slice(None, None, d) for d in dilation))]


def conv(x, kernel, bias=0.0, strides=1, padding="same", dilation=1, groups=1):
    """The sum over taps and channels of x[place * stride + tap * dilation] * kernel[tap], plus the bias"""
    taps = kernel.ndim - 2
    found = windows(x, kernel.shape[:taps], strides, padding, dilation, 0.0)
    parts = zip(np.split(found, groups, taps + 1), np.split(kernel, groups, -1), strict=True)
    after = tuple(range(taps + 1, 2 * taps + 2))  # channels, then taps
    return (
        np.concatenate([np.tensordot(f, np.moveaxis(k, -2, 0), (after, range(taps + 1))) for f, k in parts], -1) + bias
    )


def max_pool(x, window, strides, padding):
    """The largest entry of each window"""
    found = windows(x, window, strides, padding, 1, -np.inf)
    return found.max(tuple(range(x.ndim, found.ndim)))


def avg_pool(x, window, strides, padding):
    """The mean of each window, without the padding"""
    total, count = (windows(a, window, strides, padding, 1, 0.0) for a in (x, np.ones_like(x)))
    axes = tuple(range(x.ndim, total.ndim))
    return total.sum(axes) / count.sum(axes)


def global_avg_pool(x, mask=None):
    """The mean over all places, of real steps alone"""
    axes = tuple(range(1, x.ndim - 1))
    if mask is None:
        return x.mean(axes)
    real = (mask != 0).reshape(*mask.shape, *(1,) * (x.ndim - 2))
    count = np.maximum((mask != 0).sum(1), 1) * math.prod(x.shape[2:-1])
    return np.where(real, x, 0).sum(axes) / count.astype(x.dtype)[:, None]


def global_max_pool(x, mask=None):
    """The largest over all places, of real steps alone"""
    axes = tuple(range(1, x.ndim - 1))
    if mask is None:
        return x.max(axes)
    real = (mask != 0).reshape(*mask.shape, *(1,) * (x.ndim - 2))
    return np.where((mask != 0).any(1)[:, None], np.where(real, x, -np.inf).max(axes), 0).astype(x.dtype)


def embed(ids, embedding):
    """embedding[ids]; a row of NaN for an id that is not there"""
    there = (ids >= 0) & (ids < len(embedding))
    return np.where(there[..., None], embedding[np.clip(ids, 0, len(embedding) - 1)], np.float32(np.nan))


def add_positions(x, embedding):
    """x_t + embedding_t"""
    return x + embedding[: x.shape[1]]


def real_steps(x, mask):
    """x, and 0 in the steps that are not real"""
    return np.where((mask != 0).reshape(*mask.shape, *(1,) * (x.ndim - 2)), x, x.dtype.type(0))


def over_time(cell, states, x, mask, sequences, units):
    """Run a cell over time from zeros; a step that is not real keeps the states."""
    carry = (np.zeros((len(x), units), np.float32),) * states
    seen = []
    for t in range(x.shape[1]):
        after = cell(x[:, t], *carry)
        if mask is not None:
            keep = mask[:, t, None] != 0
            after = tuple(np.where(keep, new, old) for new, old in zip(after, carry, strict=True))
        carry = after
        seen.append(carry[0])
    return np.stack(seen, 1) if sequences else carry[0]


def simple_rnn(x, mask, kernel, bias, recurrent, activation, sequences):
    """h_t = activation(x_t @ kernel + bias + h_{t-1} @ recurrent)"""
    return over_time(
        lambda x, h: (activation(x @ kernel + bias + h @ recurrent),), 1, x, mask, sequences, len(recurrent)
    )


def lstm(x, mask, kernel, bias, recurrent, sequences):
    """c_t = s(f) c_{t-1} + s(i) tanh(g), h_t = s(o) tanh(c_t), with

    i, f, g, o = x_t @ kernel + bias + h_{t-1} @ recurrent
    """

    def cell(x, h, c):
        i, f, g, o = np.split(x @ kernel + bias + h @ recurrent, 4, 1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c

    return over_time(cell, 2, x, mask, sequences, len(recurrent))


def gru(x, mask, kernel, bias, recurrent, inner, sequences):
    """h_t = (1 - s(z + v)) n' + s(z + v) h_{t-1}, n' = tanh(n + s(r + u) (w + inner)), with

    r, z, n = x_t @ kernel + bias and u, v, w = h_{t-1} @ recurrent
    """

    def cell(x, h):
        (r, z, n), (u, v, w) = np.split(x @ kernel + bias, 3, 1), np.split(h @ recurrent, 3, 1)
        r, z = sigmoid(r + u), sigmoid(z + v)
        return ((1 - z) * np.tanh(n + r * (w + inner)) + z * h,)

    return over_time(cell, 1, x, mask, sequences, len(recurrent))


def flip(x):
    """The steps from last to first"""
    return x[:, ::-1]


def rotate(x, base):
    """Each pair (x_i, x_{i + size / 2}) turned by the angle t * base^(-2 i / size)"""
    half = x.shape[-1] // 2
    angles = np.arange(x.shape[1])[:, None] * base ** (-np.arange(half) / half)
    cos, sin = (f(angles)[None, :, None].astype(x.dtype) for f in (np.cos, np.sin))
    a, b = np.split(x, 2, -1)
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], -1)


def attention(x, mask, query, key, value, out, heads, kv_heads, causal=False, base=None):
    """out(softmax(query(x) key(x)' / sqrt(size)) value(x)), each projection a (kernel, bias)"""
    time = x.shape[1]
    q, k, v = (
        dense(x, *w).reshape(len(x), time, n, -1) for w, n in ((query, heads), (key, kv_heads), (value, kv_heads))
    )
    q, k = (q, k) if base is None else (rotate(q, base), rotate(k, base))
    k, v = (np.repeat(a, heads // kv_heads, 2) for a in (k, v))
    logits = np.einsum("bthd,bshd->bhts", q, k) / np.float32(math.sqrt(q.shape[-1]))
    seen = np.tri(time, dtype=bool) if causal else np.ones((time, time), bool)
    seen = seen if mask is None else seen & (mask != 0)[:, None, None]
    weights = softmax(np.where(seen, logits, np.float32(-1e38)))
    return dense(np.einsum("bhts,bshd->bthd", weights, v).reshape(len(x), time, -1), *out)


def prepared(x, columns):
    """Numbers of a table's columns: gaps filled, scaled, and one column of 0 and 1 for each category."""
    parts = []
    for value, c in zip(x.T[..., None], columns, strict=True):
        gap = np.isnan(value)
        if c["kind"] == "text":
            names = c["categories"]
            place = np.where(gap, names.index(None) if None in names else -1, value)
            parts.append(place == np.arange(len(names)))
            continue
        parts.append((np.where(gap, c["fill"], value) - c["mean"]) / c["scale"])
        parts += [gap] if c["gaps"] else []
    return np.concatenate(parts, 1).astype(np.float32)
