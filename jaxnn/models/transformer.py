"""A transformer encoder that classifies sequences."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.core import checks
from jaxnn.core.layer import child, hyper, spec
from jaxnn.core.types import Hyper, Key, Params, State
from jaxnn.layers.attention import Attention
from jaxnn.layers.attention_block import TransformerBlock
from jaxnn.layers.combine import fold
from jaxnn.layers.dense import Dense
from jaxnn.layers.dropout import Dropout
from jaxnn.layers.embed import Embed
from jaxnn.layers.layer_norm import LayerNorm
from jaxnn.layers.position import LearnedPositions
from jaxnn.models.stack import stack_of


@spec
class TransformerEncoder:
    """Sequences to logits: embedding, blocks that see the whole sequence, normalisation, mean over time, dense.

    `transformer_encoder` builds it from sizes; this is what it is made of.

    Args:
        embed: what makes rows of one width out of the input: a `Dense`, or an `Embed` for ids.
        block: a `TransformerBlock`; all blocks share its hyperparameters.
        head: the last layer, a `Dense`.
        layers: how many blocks.
        positions: a `LearnedPositions`, or None.
        norm: the normalisation after the last block, or None.
        dropout: drop rate of the embedding, a leaf.
        repeat: whether the blocks are scanned as in `Repeat`, so that time to compile does not grow with depth.

    Shapes:
        ``x (batch, time, features)`` or ids ``(batch, time)``, alone or in a tuple with a mask ``(batch, time)``, give
        ``(batch, out)``. Params are ``embed``, ``positions``, ``blocks``, ``norm``, ``head``.

    Raises:
        ValueError: for inputs that do not fit, or a missing key in training.

    Source: Vaswani et al., "Attention is all you need", 2017.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> model, x = nn.transformer_encoder(width=8, heads=2, layers=2, out=3), jnp.ones((2, 5, 4))
        >>> params, state = model.init(jax.random.key(0), x)
        >>> model.apply(params, state, x)[0].shape
        (2, 3)
    """

    embed: Any = child()
    block: Any = child()
    head: Any = child()
    layers: int = 1
    positions: Any = child(None)
    norm: Any = child(None)
    dropout: Hyper = hyper(0.0)
    repeat: bool = False

    def __post_init__(self):
        checks.size("layers", self.layers, "transformer_encoder(width=64, heads=4, layers=2, out=10)")
        checks.rate("dropout", self.dropout, "transformer_encoder(64, 4, 2, 10, dropout=0.1)")

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """The parameters of every part."""
        value, mask = self._unpack(x)
        params: dict[str, Any] = {}

        def begin(name: str, i: int, value: Any) -> None:
            layer = self._parts()[name]
            if layer is not None:
                with checks.at(name):
                    params[name], _ = layer.init(fold(key, i), value)

        begin("embed", 0, value)
        wide = jax.eval_shape(lambda p, v: self.embed.apply(p, {}, v)[0], params["embed"], value)
        begin("positions", 1, wide)
        begin("blocks", 2, wide if mask is None else (wide, mask))
        begin("norm", 3, wide)
        begin("head", 4, jax.ShapeDtypeStruct((wide.shape[0], wide.shape[2]), wide.dtype))
        return params, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The logits of each sequence."""
        y, mask = self._unpack(x)
        parts = self._parts()

        def run(name: str, value: Any, key: Key | None = None) -> Any:
            with checks.at(name):
                return parts[name].apply(params[name], {}, value, key=key, train=train, rows=rows)[0]

        y = run("embed", y)
        y = y if self.positions is None else run("positions", y)
        y, _ = Dropout(self.dropout).apply({}, {}, y, key=fold(key, 0), train=train)
        y = run("blocks", y if mask is None else (y, mask), fold(key, 1))
        y = y if mask is None else y[0]
        y = y if self.norm is None else run("norm", y)
        return run("head", _mean(y, mask)), state

    def _parts(self) -> dict[str, Any]:
        blocks = stack_of(self.block, self.layers, self.repeat, False)
        return {
            "embed": self.embed,
            "positions": self.positions,
            "blocks": blocks,
            "norm": self.norm,
            "head": self.head,
        }

    def _unpack(self, x: Any) -> tuple[Any, Any]:
        value, mask = x if isinstance(x, (tuple, list)) else (x, None)
        rank = 2 if isinstance(self.embed, Embed) else 3
        if len(value.shape) != rank or (mask is not None and mask.shape != value.shape[:2]):
            form = "ids (batch, time)" if rank == 2 else "(batch, time, features)"
            got = value.shape if mask is None else f"{value.shape} and a mask {mask.shape}"
            raise checks.SpecError(
                f"TransformerEncoder takes {form}, alone or beside a mask (batch, time), got {got}; "
                "write x[None] for one row"
            )
        return value, mask


def _mean(y: Any, mask: Any) -> Any:
    """The mean over time, of the steps whose mask is not 0: ``(batch, time, width) -> (batch, width)``."""
    if mask is None:
        return y.mean(1)
    weight = (mask != 0).astype(y.dtype)[..., None]  # (batch, time, 1)
    return (y * weight).sum(1) / jnp.maximum(weight.sum(1), 1)


def transformer_encoder(
    width: int,
    heads: int,
    layers: int,
    out: int,
    dropout: Hyper = 0.0,
    *,
    vocab: int | None = None,
    positions: str | None = "learned",
    context: int | None = None,
    hidden: int | None = None,
    activation: str | Callable = "gelu",
    eps: Hyper = 1e-5,
    repeat: bool = False,
) -> TransformerEncoder:
    """A transformer that reads a whole sequence and says one thing about it.

    Args:
        width: length of a row inside.
        heads: attention heads, a divisor of the width.
        layers: number of blocks.
        out: number of outputs, which are logits or values without an activation.
        dropout: drop rate of embedding, attention weights and what the blocks add; may be traced.
        vocab: number of ids, for inputs of ids; None for inputs of features.
        positions: ``"learned"``, ``"rotary"``, or None for inputs without an order.
        context: the most steps that there are learned positions for; None takes those of the input at ``init``.
        hidden: width of the perceptrons; None is four times the width.
        activation: of the perceptrons, a name or a function of `jax.nn`.
        eps: of the norms; may be traced.
        repeat: whether the blocks are scanned, so that time to compile does not grow with depth.

    Returns:
        A `TransformerEncoder` from ``(batch, time, features)``, or ids ``(batch, time)``, alone or in a tuple with a
        mask ``(batch, time)``, to ``(batch, out)``. Images ``(batch, rows, columns)`` are read row by row.

    Raises:
        ValueError: for a size below 1, a rate outside [0, 1), or unknown positions.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> model, ids = nn.transformer_encoder(8, 2, 1, out=2, vocab=100), jnp.array([[5, 7, 0]])
        >>> params, state = model.init(jax.random.key(0), ids)
        >>> model.apply(params, state, ids)[0].shape
        (1, 2)
    """
    if positions not in ("learned", "rotary", None):
        raise ValueError(f'positions must be "learned", "rotary" or None, got {positions!r}')
    rotary = "rotary" if positions == "rotary" else None
    norm = LayerNorm(eps)
    return TransformerEncoder(
        embed=Dense(width) if vocab is None else Embed(vocab, width),
        block=TransformerBlock(Attention(heads, dropout=dropout, positions=rotary), hidden, activation, dropout, norm),
        head=Dense(out),
        layers=layers,
        positions=LearnedPositions(context) if positions == "learned" else None,
        norm=norm,
        dropout=dropout,
        repeat=repeat,
    )
