"""Multi-head attention, to oneself and to another sequence, with a key/value cache for sampling."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.core import checks
from jaxnn.core.layer import hyper, spec
from jaxnn.core.masks import beside, only_real, parts, split
from jaxnn.core.names import initializer
from jaxnn.core.types import Hyper, Key, Params, State
from jaxnn.layers.attention_product import attend
from jaxnn.layers.dtypes import param_dtype
from jaxnn.layers.kernel import product
from jaxnn.layers.position import rotate

IMPLEMENTATIONS = (None, "xla", "cudnn")


@spec
class Attention:
    """Multi-head attention: ``out(softmax(query(x) key(z)' / sqrt(size)) value(z))``, with ``z = x`` or another one.

    What it takes: an array ``x`` attends to itself; a tuple ``(x, mask)`` too, and sees only the steps whose mask is
    not 0 (the mask is handed on: ``(y, mask)``); a dict ``{"query": x, "context": z, "mask": mask}`` attends to ``z``
    (to ``x`` where there is no ``"context"``), with a mask, if any, ``(batch, source)`` of the steps that may be seen,
    or ``(batch, time, source)``, or one that broadcasts to ``(batch, heads, time, source)``.

    Args:
        heads: number of heads.
        kv_heads: number of key and value heads, each shared by a group of heads; None is ``heads``.
        head_size: length of a head's queries and keys; None is ``width // heads``.
        causal: whether step ``t`` sees steps ``0 ... t`` alone.
        dropout: drop rate of the attention weights, a leaf.
        positions: None, or ``"rotary"`` to turn queries and keys by their positions.
        rotary_base: the base of the rotary wavelengths, a leaf.
        use_bias: whether the four projections have a bias.
        kernel_init: a name or an initialiser ``f(key, shape, dtype)``, of the four projections.
        implementation: None chooses; ``"xla"`` or ``"cudnn"`` (an NVIDIA GPU, half precision) are those of
            `jax.nn.dot_product_attention`. Where weights are dropped it is written out in any case.

    Shapes:
        ``x (batch, time, width)`` gives the same shape; params are ``query``, ``key``, ``value`` and ``out``, each
        with a ``kernel (in, heads * size)`` (``out`` the other way round) and a ``bias``.

    Raises:
        ValueError: for sizes that do not divide, an unknown name, inputs or masks that do not fit, or a missing key.

    Source: Vaswani et al., 2017; ``flax.linen.MultiHeadDotProductAttention``, ``torch.nn.MultiheadAttention``.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> x, layer = jnp.ones((2, 5, 8)), nn.Attention(heads=4, kv_heads=2, causal=True, positions="rotary")
        >>> params, state = layer.init(jax.random.key(0), x)
        >>> params["key"]["kernel"].shape, layer.apply(params, state, x)[0].shape
        ((8, 4), (2, 5, 8))
    """

    heads: int
    kv_heads: int | None = None
    head_size: int | None = None
    causal: bool = False
    dropout: Hyper = hyper(0.0)
    positions: str | None = None
    rotary_base: Hyper = hyper(10000.0)
    use_bias: bool = True
    kernel_init: str | Callable = "glorot_uniform"
    implementation: Any = None

    def __post_init__(self):
        checks.size("heads", self.heads, "Attention(heads=4)")
        for name in ("kv_heads", "head_size"):
            if getattr(self, name) is not None:
                checks.size(name, getattr(self, name), f"Attention(heads=4, {name}=2)")
        if self.heads % self._kv_heads:
            raise ValueError(
                f"heads must be a multiple of kv_heads, got {self.heads} and {self.kv_heads}; "
                f"write Attention(heads={self.heads}, kv_heads=1)"
            )
        checks.rate("dropout", self.dropout, "Attention(heads=4, dropout=0.1)")
        checks.positive("rotary_base", self.rotary_base, "Attention(heads=4, rotary_base=10000.0)")
        if self.positions not in (None, "rotary"):
            raise ValueError(f'positions must be None or "rotary", got {self.positions!r}; see LearnedPositions too')
        if self.implementation not in IMPLEMENTATIONS:
            raise ValueError(f"implementation must be one of {IMPLEMENTATIONS}, got {self.implementation!r}")
        initializer(self.kernel_init)

    @property
    def _kv_heads(self) -> int:
        return self.heads if self.kv_heads is None else self.kv_heads

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Draw the four kernels; the biases are 0."""
        query, context, _ = _unpack(x, parts)
        size = self._head_size(query.shape[-1])
        inner, kv, width = self.heads * size, self._kv_heads * size, query.shape[-1]
        shapes = {"query": (width, inner), "key": (context.shape[-1], kv), "value": (context.shape[-1], kv)}
        params = {}
        for i, (name, shape) in enumerate((shapes | {"out": (inner, width)}).items()):
            params[name] = {
                "kernel": initializer(self.kernel_init)(jax.random.fold_in(key, i), shape, param_dtype(query))
            }
            if self.use_bias:
                params[name]["bias"] = jnp.zeros(shape[1:], param_dtype(query))
        return params, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """Attend; what is dropped is drawn from ``key``."""
        query, context, mask = _unpack(x, split)
        if train and not (checks.is_concrete(self.dropout) and self.dropout == 0):
            checks.key_needed("Attention", key)
        q, k, v = self._project(params, query, context, 0)
        y = attend(
            q,
            k,
            v,
            _seen(mask, q, k),
            causal=self.causal,
            dropout=self.dropout,
            draw=key,
            train=train,
            implementation=self.implementation,
        )
        y = self._out(params, y)
        return beside(y, None if isinstance(x, dict) else mask), state

    def init_cache(self, params: Params, batch: int, length: int, dtype: Any = None) -> dict:
        """An empty cache for ``length`` steps: ``key``, ``value (batch, length, kv_heads, size)`` and ``index`` 0."""
        kernel = params["key"]["kernel"]
        shape = (batch, length, self._kv_heads, kernel.shape[-1] // self._kv_heads)
        dtype = kernel.dtype if dtype is None else dtype
        return {"key": jnp.zeros(shape, dtype), "value": jnp.zeros(shape, dtype), "index": jnp.zeros((), jnp.int32)}

    def apply_cached(self, params: Params, state: State, cache: dict, x: Any) -> tuple[Any, dict]:
        """The outputs of the next steps ``x (batch, time, width)``, given those in the cache, and the cache after them.

        Raises:
            SpecError: unless the layer is causal.
        """
        if not self.causal:
            raise checks.SpecError("a cache needs a layer that looks back alone; write Attention(heads, causal=True)")
        start, steps = cache["index"], jnp.arange(x.shape[1])
        q, k, v = self._project(params, x, x, start)
        keys = jax.lax.dynamic_update_slice_in_dim(cache["key"], k.astype(cache["key"].dtype), start, 1)
        values = jax.lax.dynamic_update_slice_in_dim(cache["value"], v.astype(cache["value"].dtype), start, 1)
        seen = jnp.arange(keys.shape[1])[None] <= (start + steps)[:, None]  # (time, length)
        y = attend(q, keys.astype(q.dtype), values.astype(q.dtype), seen[None, None])
        return self._out(params, y), {"key": keys, "value": values, "index": start + x.shape[1]}

    def _head_size(self, width: int) -> int:
        size = width // self.heads if self.head_size is None else self.head_size
        if self.head_size is None and (width % self.heads or not size):
            raise checks.SpecError(
                f"Attention splits inputs (batch, time, {width}) over {self.heads} heads; write heads that divide "
                f"{width}, or Attention({self.heads}, head_size={max(1, size)})"
            )
        if self.positions == "rotary" and size % 2:
            raise checks.SpecError(
                f"rotary positions turn pairs, and a head of inputs (batch, time, {width}) has {size} numbers; "
                f"write Attention({self.heads}, head_size={size + 1}, positions='rotary')"
            )
        return size

    def _project(self, params: Params, query: Any, context: Any, start: Any) -> tuple[Any, Any, Any]:
        """Queries, keys and values, ``(batch, time, heads, size)``; a sequence of its own takes one product."""
        names = ("query", "key", "value")
        for name, value in (("query", query), ("key", context)):
            rows = params[name]["kernel"].shape[0]
            if value.shape[-1] != rows:
                held = f"a {name} kernel {params[name]['kernel'].shape}"
                raise checks.misfit("Attention", held, value, f"(batch, time, {rows})")
        if query is context:
            q, k, v = self._at_once(params, query)
        else:
            parts = zip(names, (query, context, context), strict=True)
            q, k, v = (_affine(z, params[n]["kernel"], params[n].get("bias")) for n, z in parts)
            q, k, v = (_heads(z, n) for z, n in ((q, self.heads), (k, self._kv_heads), (v, self._kv_heads)))
        if self.positions == "rotary":
            q = rotate(q, jnp.arange(q.shape[1]) + start, self.rotary_base)
            k = rotate(k, jnp.arange(k.shape[1]) + start, self.rotary_base)
        return q, k, v

    def _at_once(self, params: Params, x: Any) -> list[Any]:
        """Queries, keys and values out of one product, of kernels that stand side by side within a key's head.

        So heads stay the longer axis, and kernels that are split by heads over devices are joined where they lie.
        """
        leaves = [params[n] for n in ("query", "key", "value")]
        beside = lambda arrays: jnp.concatenate([_heads(a, self._kv_heads) for a in arrays], axis=-1)  # noqa: E731
        kernel = beside([leaf["kernel"][None] for leaf in leaves])[0]  # (width, kv_heads, groups size + 2 size)
        bias = beside([leaf["bias"][None, None] for leaf in leaves])[0].reshape(-1) if self.use_bias else None
        y = _affine(x, kernel.reshape(kernel.shape[0], -1), bias)
        size = leaves[1]["kernel"].shape[1] // self._kv_heads
        y = _heads(y, self._kv_heads)  # (batch, time, kv_heads, groups size + 2 size)
        q, k, v = jnp.split(y, [y.shape[-1] - 2 * size, y.shape[-1] - size], axis=-1)
        return [q.reshape(*q.shape[:2], self.heads, size), k, v]

    def _out(self, params: Params, y: Any) -> Any:
        y = y.reshape(*y.shape[:2], y.shape[2] * y.shape[3])
        return _affine(y, params["out"]["kernel"], params["out"].get("bias"))


def _affine(x: Any, kernel: Any, bias: Any) -> Any:
    y = product(x, kernel)
    return y if bias is None else y + bias.astype(y.dtype)[None, None]


def _heads(x: Any, heads: int) -> Any:
    return x.reshape(*x.shape[:2], heads, x.shape[2] // heads)


def _unpack(x: Any, take: Callable) -> tuple[Any, Any, Any]:
    """Query, context and mask, out of an array, a tuple ``(x, mask)`` or a dict; ``take`` is `parts` or `split`."""
    if isinstance(x, dict):
        if "query" not in x or set(x) - {"query", "context", "mask"}:
            raise checks.SpecError(f'Attention takes the entries "query", "context" and "mask", got {sorted(x)}')
        query, mask = x["query"], x.get("mask")
        context = x.get("context", query)
        if take is split and mask is not None and mask.shape == context.shape[:2]:
            clean = only_real(context, mask)
            query, context = (clean if query is context else query), clean
    else:
        query, mask = take("Attention", x)
        context = query
    if len(query.shape) != 3 or len(context.shape) != 3:
        raise checks.SpecError(
            f"Attention needs (batch, time, width), got {query.shape} and {context.shape}; write x[None] for one row"
        )
    return query, context, mask


def _seen(mask: Any, q: Any, k: Any) -> Any:
    """The mask as bools that broadcast to ``(batch, heads, time, source)``."""
    if mask is None:
        return None
    full = (q.shape[0], q.shape[2], q.shape[1], k.shape[1])
    ones = {2: (1, 1), 3: (1,)}.get(mask.ndim, ())
    shape = (*mask.shape[:1], *ones, *mask.shape[1:])
    if len(shape) != 4 or shape[3] != full[3] or any(n not in (1, m) for n, m in zip(shape, full, strict=True)):
        raise checks.SpecError(
            f"Attention got a mask {mask.shape}; write one of shape {(full[0], full[3])} for the steps that may be "
            f"seen, or one that broadcasts to {full}, the axes being (batch, heads, time, source)"
        )
    return mask.astype(bool).reshape(shape)
