"""GPT: a decoder of transformer blocks over tokens."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.core import checks
from jaxnn.core.layer import child, hyper, spec
from jaxnn.core.logits import Logits
from jaxnn.core.masks import beside, parts, split
from jaxnn.core.mesh import gathered
from jaxnn.core.types import Hyper, Key, Params, State
from jaxnn.layers.attention import Attention
from jaxnn.layers.attention_block import TransformerBlock
from jaxnn.layers.children import Apply, Init, bound
from jaxnn.layers.dense import Dense
from jaxnn.layers.dropout import Dropout
from jaxnn.layers.dtypes import compute_dtype
from jaxnn.layers.embed import Embed
from jaxnn.layers.layer_norm import LayerNorm
from jaxnn.layers.position import LearnedPositions
from jaxnn.layers.remat import check_policy
from jaxnn.models.stack import apply_cached, init_caches, redraw, stack_of


@spec
class GPT:
    """Tokens to the logits of the next one: embedding, blocks, normalisation, and the embedding turned around.

    `gpt` builds it from sizes; this is what it is made of.

    Args:
        embed: an `Embed`.
        block: a causal `TransformerBlock`, or a causal layer of one's own that keeps the shape; all blocks share its
            hyperparameters.
        layers: how many blocks.
        context: the most tokens that the model sees at once.
        positions: a `LearnedPositions`, or None where the block has rotary ones.
        norm: the normalisation after the last block, or None.
        dropout: drop rate of the embedding, a leaf.
        init_std: standard deviation of the initial weights, a leaf; ``init_std / sqrt(2 layers)`` for the two
            projections of a block that are added to its input.
        tied: whether the output takes the rows of the embedding, or a ``head`` of its own.
        repeat: whether the blocks are scanned as in `Repeat`, so that time to compile does not grow with depth.
        remat: what of a block the backward pass computes again instead of keeping it, as the policy of `Remat`:
            ``"full"``, ``"dots"``, or None for nothing.
        head_parts: in how many parts of the batch a loss takes the logits in training. With more than 1 they are
            `jaxnn.core.logits.Logits`, not multiplied out, and the backward pass multiplies each part out again: memory
            of one part, for the arithmetic of another product, and of one more where a metric is judged too.

    Shapes:
        ids ``(batch, time)`` give logits ``(batch, time, vocab)``, and ``(ids, mask)`` gives ``(logits, mask)``. Params
        and state are those of ``embed``, ``positions``, ``blocks``, ``norm`` and, unless tied, ``head``.

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
    remat: str | None = None
    head_parts: int = 1

    def __post_init__(self):
        checks.size("layers", self.layers, "gpt(vocab=100, context=64, width=128, heads=4, layers=4)")
        checks.size("head_parts", self.head_parts, "gpt(50257, 1024, 768, 12, 12, head_parts=8)")
        checks.size("context", self.context, "gpt(vocab=100, context=64, width=128, heads=4, layers=4)")
        if self.remat is not None:
            check_policy(self.remat, "remat", 'gpt(100, 64, 128, 4, 4, remat="full")')
        checks.rate("dropout", self.dropout, "gpt(100, 64, 128, 4, 4, dropout=0.1)")
        checks.positive("init_std", self.init_std, "gpt(100, 64, 128, 4, 4, init_std=0.02)")

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Draw the weights as GPT-2 does."""
        self._check(x)
        run = Init(key)
        f = bound(run, self._children())
        y = f.norm(f.blocks(f.dropout(f.positions(f.embed(x)))))
        if not self.tied:
            f.head(y)
        params, state = run.made
        return redraw(params, key, self.init_std, self.layers), state

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The logits of the token after each."""
        self._check(x)
        run = Apply(params, state, key=key, train=train, rows=rows)
        f = bound(run, self._children())
        y = f.norm(f.blocks(f.dropout(f.positions(f.embed(x)))))
        if train and self.head_parts > 1:
            return self._in_parts(params, y), run.state
        return (self._tied_head(params, y) if self.tied else f.head(y)), run.state

    @property
    def has_cache(self) -> bool:
        """Whether `apply_cached` works: blocks and positions of one's own may know no cache."""
        return getattr(self.block, "has_cache", False) and (self.positions is None or hasattr(self.positions, "at"))

    def init_cache(self, params: Params, batch: int, length: int | None = None) -> dict:
        """Empty caches for ``length`` tokens of each row (None: ``context``), and the number of tokens so far."""
        length = self.context if length is None else length
        embed = lambda p: self.embed.apply(p["embed"], {}, jnp.zeros((1, 1), jnp.int32))[0]  # noqa: E731
        dtype = jax.eval_shape(embed, params).dtype
        caches = init_caches(self.block, self.layers, self.repeat, params["blocks"], batch, length, dtype)
        return {"blocks": caches, "index": jnp.zeros((), jnp.int32)}

    def apply_cached(self, params: Params, state: State, cache: dict, x: Any) -> tuple[Any, dict]:
        """The logits after the next tokens ``x (batch, time)``, given those in the cache, and the cache after them."""
        f = bound(Apply(params, state), self._children())
        y = f.embed(x)
        y = y if self.positions is None else self.positions.at(params["positions"], y, cache["index"])
        own = (params["blocks"], state.get("blocks", {}), cache["blocks"])
        y, blocks = apply_cached(self.block, self.layers, self.repeat, *own, y)
        y = f.norm(y)
        logits = self._tied_head(params, y) if self.tied else f.head(y)
        return logits, {"blocks": blocks, "index": cache["index"] + x.shape[1]}

    def _children(self) -> dict[str, Any]:
        return {
            "embed": self.embed,
            "positions": self.positions,
            "dropout": Dropout(self.dropout),
            "blocks": stack_of(self.block, self.layers, self.repeat, self.remat),
            "norm": self.norm,
            "head": None if self.tied else Dense(self.embed.vocab, use_bias=False),
        }

    def _in_parts(self, params: Params, y: Any) -> Any:
        """The logits, not multiplied out."""
        y, mask = split("GPT", y)
        name = "embed" if self.tied else "head"
        own = gathered(params[name], (*checks.path(), name))
        kernel = own["embedding"].T if self.tied else own["kernel"]
        return beside(Logits(y, kernel, self.head_parts, str(compute_dtype(y, kernel))), mask)

    def _tied_head(self, params: Params, y: Any) -> Any:
        y, mask = split("GPT", y)
        embed = gathered(params["embed"], (*checks.path(), "embed"))
        return beside(self.embed.attend(embed, y), mask)

    def _check(self, x: Any) -> None:
        x, _ = parts("GPT", x)
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
    remat: str | None = None,
    head_parts: int = 1,
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
        remat: what of a block the backward pass computes again instead of keeping it, as the policy of `Remat`:
            ``"full"``, ``"dots"``, or None for nothing.
        head_parts: in how many parts of the batch a loss takes the logits in training, where a large vocabulary makes
            them the largest array.
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
        head_parts=head_parts,
    )
