"""A transformer encoder that classifies sequences."""

from collections.abc import Callable
from typing import Any

from jaxnn.core import checks
from jaxnn.core.layer import child, hyper, spec
from jaxnn.core.masks import is_masked, parts
from jaxnn.core.types import Hyper, Key, Params, State
from jaxnn.layers.attention import Attention
from jaxnn.layers.attention_block import TransformerBlock
from jaxnn.layers.children import Apply, Init, bound
from jaxnn.layers.dense import Dense
from jaxnn.layers.dropout import Dropout
from jaxnn.layers.embed import Embed
from jaxnn.layers.global_pool import GlobalAvgPool
from jaxnn.layers.layer_norm import LayerNorm
from jaxnn.layers.position import LearnedPositions
from jaxnn.models.stack import stack_of


@spec
class TransformerEncoder:
    """Sequences to logits: embedding, blocks that see the whole sequence, normalisation, mean over time, dense.

    `transformer_encoder` builds it from sizes; this is what it is made of.

    Args:
        embed: what makes rows of one width out of the input: a `Dense`, or an `Embed` for ids.
        block: a `TransformerBlock`, or a layer of one's own that keeps the shape; all blocks share its hyperparameters.
        head: the last layer, a `Dense`.
        layers: how many blocks.
        positions: a `LearnedPositions`, or None.
        norm: the normalisation after the last block, or None.
        dropout: drop rate of the embedding, a leaf.
        repeat: whether the blocks are scanned as in `Repeat`, so that time to compile does not grow with depth.

    Shapes:
        ``x (batch, time, features)`` or ids ``(batch, time)``, alone or in a tuple with a mask ``(batch, time)``, give
        ``(batch, out)``. Params and state are those of ``embed``, ``positions``, ``blocks``, ``norm``, ``head``.

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
        """Params and states of the parts."""
        run = Init(key)
        self._through(run, x)
        return run.made

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The logits of each sequence."""
        run = Apply(params, state, key=key, train=train, rows=rows)
        return self._through(run, x), run.state

    def _through(self, run: Any, x: Any) -> Any:
        self._check(x)
        children = {
            "embed": self.embed,
            "positions": self.positions,
            "dropout": Dropout(self.dropout),
            "blocks": stack_of(self.block, self.layers, self.repeat, None),
            "norm": self.norm,
            "mean": GlobalAvgPool(),
            "head": self.head,
        }
        f = bound(run, children)
        y = f.dropout(f.positions(f.embed(x)))
        return f.head(f.mean(f.norm(f.blocks(y))))

    def _check(self, x: Any) -> None:
        value, mask = x if is_masked(x) else parts("TransformerEncoder", x)
        rank = 2 if isinstance(self.embed, Embed) else 3
        if len(value.shape) != rank or (mask is not None and mask.shape != value.shape[:2]):
            form = "ids (batch, time)" if rank == 2 else "(batch, time, features)"
            got = value.shape if mask is None else f"{value.shape} and a mask {mask.shape}"
            raise checks.SpecError(
                f"TransformerEncoder takes {form}, alone or beside a mask (batch, time), got {got}; "
                "write x[None] for one row"
            )


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
