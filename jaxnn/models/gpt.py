"""GPT: a decoder of transformer blocks over tokens."""

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
from jaxnn.layers.dense import Dense, product
from jaxnn.layers.dropout import Dropout
from jaxnn.layers.embed import Embed
from jaxnn.layers.layer_norm import LayerNorm
from jaxnn.layers.position import LearnedPositions
from jaxnn.models.stack import apply_cached, init_caches, redraw, stack_of


@spec
class GPT:
    """Tokens to the logits of the next one: embedding, blocks, normalisation, and the embedding turned around.

    `gpt` builds it from sizes; this is what it is made of.

    Args:
        embed: an `Embed`.
        block: a causal `TransformerBlock`; all blocks share its hyperparameters.
        layers: how many blocks.
        context: the most tokens that the model sees at once.
        positions: a `LearnedPositions`, or None where the block has rotary ones.
        norm: the normalisation after the last block, or None.
        dropout: drop rate of the embedding, a leaf.
        init_std: standard deviation of the initial weights, a leaf; ``init_std / sqrt(2 layers)`` for the two
            projections of a block that are added to its input.
        tied: whether the output takes the rows of the embedding, or a ``head`` of its own.
        repeat: whether the blocks are scanned as in `Repeat`, so that time to compile does not grow with depth.
        remat: whether the backward pass computes each scanned block again instead of keeping what is inside it.

    Shapes:
        ids ``(batch, time)`` give logits ``(batch, time, vocab)``. Params are ``embed``, ``positions``, ``blocks``,
        ``norm`` and, unless tied, ``head``.

    Raises:
        ValueError: for more tokens than ``context``, ids that are not ``(batch, time)``, or a missing key in training.

    Source: Radford et al., "Language models are unsupervised multitask learners", 2019.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> model, ids = nn.gpt(vocab=5, context=4, width=8, heads=2, layers=2), jnp.array([[1, 2, 3]])
        >>> params, state = model.init(jax.random.key(0), ids)
        >>> model.apply(params, state, ids)[0].shape
        (1, 3, 5)
    """

    embed: Any = child()
    block: Any = child()
    layers: int = 1
    context: int = 64
    positions: Any = child(None)
    norm: Any = child(None)
    dropout: Hyper = hyper(0.0)
    init_std: Hyper = hyper(0.02)
    tied: bool = True
    repeat: bool = False
    remat: bool = False

    def __post_init__(self):
        checks.size("layers", self.layers, "gpt(vocab=100, context=64, width=128, heads=4, layers=4)")
        checks.size("context", self.context, "gpt(vocab=100, context=64, width=128, heads=4, layers=4)")
        checks.rate("dropout", self.dropout, "gpt(100, 64, 128, 4, 4, dropout=0.1)")
        checks.positive("init_std", self.init_std, "gpt(100, 64, 128, 4, 4, init_std=0.02)")

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Draw the weights as GPT-2 does; the state is empty."""
        self._check(x)
        params: dict[str, Any] = {"embed": self.embed.init(key, x)[0]}
        wide = jax.eval_shape(lambda p, x: self.embed.apply(p, {}, x)[0], params["embed"], x)  # (batch, time, width)
        parts = {"positions": self.positions, "blocks": self._body(), "norm": self.norm}
        if not self.tied:
            parts["head"] = Dense(self.embed.vocab, use_bias=False)
        for name, layer in parts.items():
            if layer is not None:
                with checks.at(name):
                    params[name], _ = layer.init(key, wide)
        return redraw(params, key, self.init_std, self.layers), {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The logits of the token after each."""
        self._check(x)
        y = self._embed(params, x, 0, train, rows)
        y, _ = Dropout(self.dropout).apply({}, {}, y, key=fold(key, 0), train=train)
        with checks.at("blocks"):
            y, _ = self._body().apply(params["blocks"], {}, y, key=fold(key, 1), train=train, rows=rows)
        return self._logits(params, y, train, rows), state

    def init_cache(self, params: Params, batch: int, length: int | None = None) -> dict:
        """Empty caches for ``length`` tokens of each row (None: ``context``), and the number of tokens so far."""
        length = self.context if length is None else length
        dtype = jax.eval_shape(lambda p: self._embed(p, jnp.zeros((1, 1), jnp.int32), 0), params).dtype
        caches = init_caches(self.block, self.layers, self.repeat, params["blocks"], batch, length, dtype)
        return {"blocks": caches, "index": jnp.zeros((), jnp.int32)}

    def apply_cached(self, params: Params, cache: dict, x: Any) -> tuple[Any, dict]:
        """The logits after the next tokens ``x (batch, time)``, given those in the cache, and the cache after them."""
        y = self._embed(params, x, cache["index"])
        y, blocks = apply_cached(self.block, self.layers, self.repeat, params["blocks"], cache["blocks"], y)
        return self._logits(params, y), {"blocks": blocks, "index": cache["index"] + x.shape[1]}

    def _body(self) -> Any:
        return stack_of(self.block, self.layers, self.repeat, self.remat)

    def _embed(self, params: Params, x: Any, start: Any, train: bool = False, rows: Any = None) -> Any:
        y, _ = self.embed.apply(params["embed"], {}, x, train=train, rows=rows)
        return y if self.positions is None else self.positions.at(params["positions"], y, start)

    def _logits(self, params: Params, y: Any, train: bool = False, rows: Any = None) -> Any:
        if self.norm is not None:
            y, _ = self.norm.apply(params["norm"], {}, y, train=train, rows=rows)
        return self.embed.attend(params["embed"], y) if self.tied else product(y, params["head"]["kernel"])

    def _check(self, x: Any) -> None:
        if len(x.shape) != 2 or x.shape[1] > self.context:
            raise checks.SpecError(
                f"GPT takes ids (batch, at most {self.context} tokens), got {x.shape}; write x[None] for one row, "
                "cut the rows, or build the model with a longer context"
            )


def gpt(
    vocab: int,
    context: int,
    width: int,
    heads: int,
    layers: int,
    dropout: Hyper = 0.0,
    *,
    positions: str = "learned",
    tied: bool = True,
    repeat: bool = False,
    remat: bool = False,
    kv_heads: int | None = None,
    hidden: int | None = None,
    activation: str | Callable = "gelu",
    use_bias: bool = True,
    eps: Hyper = 1e-5,
    final_norm: bool = True,
    init_std: Hyper = 0.02,
    dtype: str | None = None,
) -> GPT:
    """A generative pre-trained transformer: pre-norm blocks over token and position embeddings, with a tied output.

    With biases and without the final norm it has ``12 l h^2 + 13 l h + (V + s) h`` parameters for ``l`` layers of
    width ``h``, a vocabulary ``V`` and a context ``s``; the final norm adds ``2 h``.

    Args:
        vocab: number of tokens.
        context: the most tokens that the model sees at once.
        width: length of a token's row.
        heads: attention heads, a divisor of the width.
        layers: number of blocks.
        dropout: drop rate of embedding, attention weights and what the blocks add; may be traced.
        positions: ``"learned"`` or ``"rotary"``.
        tied: whether the output takes the rows of the embedding.
        repeat: whether the blocks are scanned, so that time to compile does not grow with depth.
        remat: whether the backward pass computes each scanned block again instead of keeping what is inside it.
        kv_heads: number of key and value heads; None is ``heads``.
        hidden: width of the perceptrons; None is four times the width.
        activation: of the perceptrons, a name or a function of `jax.nn`.
        use_bias: whether layers and norms have biases.
        eps: of the norms; may be traced.
        final_norm: whether a norm stands after the last block.
        init_std: standard deviation of the initial weights; may be traced.
        dtype: what the model computes in, such as ``"bfloat16"``; None is that of the parameters.

    Returns:
        A `GPT` from ids ``(batch, time)`` to logits ``(batch, time, vocab)``; train it with
        ``"softmax_cross_entropy"``, sample from it with `generate`.

    Raises:
        ValueError: for a size below 1, a rate outside [0, 1), or unknown positions.

    Example:
        >>> import jax, jaxnn as nn
        >>> model = nn.gpt(vocab=51200, context=2048, width=2304, heads=24, layers=24, repeat=True)
        >>> ids = jax.ShapeDtypeStruct((1, 2048), "int32")
        >>> params, _ = jax.eval_shape(model.init, jax.random.key(0), ids)
        >>> round(sum(p.size for p in jax.tree.leaves(params)) / 1e9, 1)
        1.7
    """
    if positions not in ("learned", "rotary"):
        raise ValueError(f'positions must be "learned" or "rotary", got {positions!r}')
    checks.size("width", width, "gpt(vocab=100, context=64, width=128, heads=4, layers=4)")
    attention = Attention(
        heads,
        kv_heads,
        causal=True,
        dropout=dropout,
        positions="rotary" if positions == "rotary" else None,
        use_bias=use_bias,
    )
    norm = LayerNorm(eps, use_bias=use_bias)
    return GPT(
        embed=Embed(vocab, width, dtype=dtype),
        block=TransformerBlock(attention, hidden, activation, dropout, norm, use_bias),
        layers=layers,
        context=context,
        positions=LearnedPositions(context) if positions == "learned" else None,
        norm=norm if final_norm else None,
        dropout=dropout,
        init_std=init_std,
        tied=tied,
        repeat=repeat,
        remat=remat,
    )
