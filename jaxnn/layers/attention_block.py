"""The transformer block: attention and a multi-layer perceptron, each normalised before and added to what came in."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from jaxnn.core import checks
from jaxnn.core.layer import child, hyper, spec
from jaxnn.core.masks import beside, parts, split
from jaxnn.core.names import activation
from jaxnn.core.types import Hyper, Key, Params, State
from jaxnn.layers.children import Apply, Init, bound
from jaxnn.layers.dense import Dense
from jaxnn.layers.dropout import Dropout
from jaxnn.layers.layer_norm import LayerNorm


@spec
class TransformerBlock:
    """A pre-norm transformer block: ``x + attention(norm(x))``, then ``x + mlp(norm(x))``.

    The perceptron is ``Dense(hidden, activation)``, then ``Dense(width)``.

    Args:
        attention: an `Attention`, or a layer of one's own that keeps the shape; with a mask it gets ``(x, mask)``.
        hidden: width of the perceptron's hidden layer; None is four times that of the input.
        activation: of the hidden layer, a name or a function of `jax.nn`.
        dropout: drop rate of what each of the two parts adds, a leaf.
        norm: the normalisation; each of the two places has parameters and a state of its own.
        use_bias: whether the perceptron's layers have a bias.

    Shapes:
        ``x (batch, time, width)`` gives the same shape, and ``(x, mask (batch, time))`` gives ``(y, mask)``. Params
        and state are those of ``attention_norm``, ``attention``, ``mlp_norm``, ``mlp_in``, ``mlp_out``.

    Raises:
        ValueError: for a size below 1, a rate outside [0, 1), inputs that do not fit, or a missing key in training.

    Source: Radford et al., "Language models are unsupervised multitask learners", 2019.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> block, x = nn.TransformerBlock(nn.Attention(2, causal=True)), jnp.ones((2, 3, 4))
        >>> params, state = block.init(jax.random.key(0), x)
        >>> params["mlp_in"]["kernel"].shape, block.apply(params, state, x)[0].shape
        ((4, 16), (2, 3, 4))
    """

    attention: Any = child()
    hidden: int | None = None
    activation: str | Callable = "gelu"
    dropout: Hyper = hyper(0.0)
    norm: Any = child(LayerNorm())
    use_bias: bool = True

    def __post_init__(self):
        if self.hidden is not None:
            checks.size("hidden", self.hidden, "TransformerBlock(Attention(4), hidden=256)")
        if isinstance(self.attention, (type, int)):
            raise TypeError(f"TransformerBlock takes an attention, got {self.attention!r}; write Attention(heads=4)")
        checks.rate("dropout", self.dropout, "TransformerBlock(Attention(4), dropout=0.1)")
        activation(self.activation)

    @property
    def has_cache(self) -> bool:
        """Whether `apply_cached` works: the attention has a cache."""
        return hasattr(self.attention, "apply_cached")

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """The params and states of the parts."""
        run, value = Init(key), _checked(parts("TransformerBlock", x)[0])
        f = bound(run, self._children(value.shape[-1]))
        added, _ = parts("TransformerBlock", f.attention(f.attention_norm(x)))
        if added.shape != value.shape:
            raise checks.SpecError(
                f"TransformerBlock adds what the attention makes, {added.shape}, to inputs {value.shape}; "
                "write an attention that keeps the shape"
            )
        f.mlp_out(f.mlp_in(f.mlp_norm(x)))
        return run.made

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """Attend, then transform each step."""
        x, mask = split("TransformerBlock", x)
        run = Apply(params, state, key=key, train=train, rows=rows, mask=mask)
        f = bound(run, self._children(_checked(x).shape[-1]))
        return beside(_formula(f, x), mask), run.state

    def init_cache(self, params: Params, batch: int, length: int, dtype: Any = None) -> dict:
        """The empty cache of the attention."""
        return self.attention.init_cache(params["attention"], batch, length, dtype)

    def apply_cached(self, params: Params, state: State, cache: dict, x: Any) -> tuple[Any, dict]:
        """The outputs of the next steps ``x (batch, time, width)``, and the cache after them."""
        f, after = bound(Apply(params, state), self._children(x.shape[-1])), {}

        def attention(x: Any) -> Any:
            own = (params["attention"], state.get("attention", {}))
            y, after["cache"] = self.attention.apply_cached(*own, cache, x)
            return y

        f.attention = attention
        return _formula(f, x), after["cache"]

    def _children(self, width: int) -> dict[str, Any]:
        return {
            "attention_norm": self.norm,
            "attention": self.attention,
            "attention_dropout": Dropout(self.dropout),
            "mlp_norm": self.norm,
            "mlp_in": Dense(4 * width if self.hidden is None else self.hidden, self.activation, self.use_bias),
            "mlp_out": Dense(width, use_bias=self.use_bias),
            "mlp_dropout": Dropout(self.dropout),
        }


def _formula(f: SimpleNamespace, x: Any) -> Any:
    x = x + f.attention_dropout(f.attention(f.attention_norm(x)))
    return x + f.mlp_dropout(f.mlp_out(f.mlp_in(f.mlp_norm(x))))


def _checked(x: Any) -> Any:
    if len(x.shape) != 3:
        raise checks.SpecError(f"TransformerBlock needs (batch, time, width), got {x.shape}; write x[None]")
    return x
