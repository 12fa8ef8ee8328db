"""The transformer block: attention and a multi-layer perceptron, each normalised before and added to what came in."""

from collections.abc import Callable
from typing import Any

import jax

from jaxnn.core import checks
from jaxnn.core.layer import child, hyper, spec
from jaxnn.core.names import activation
from jaxnn.core.types import Hyper, Key, Params, State
from jaxnn.layers.combine import fold
from jaxnn.layers.dense import Dense
from jaxnn.layers.dropout import Dropout
from jaxnn.layers.layer_norm import LayerNorm


@spec
class TransformerBlock:
    """A pre-norm transformer block: ``x + attention(norm(x))``, then ``x + mlp(norm(x))``.

    The perceptron is ``Dense(hidden, activation)``, then ``Dense(width)``.

    Args:
        attention: an `Attention`.
        hidden: width of the perceptron's hidden layer; None is four times that of the input.
        activation: of the hidden layer, a name or a function of `jax.nn`.
        dropout: drop rate of what each of the two parts adds, a leaf.
        norm: the normalisation; each of the two places has parameters of its own.
        use_bias: whether the perceptron's layers have a bias.

    Shapes:
        ``x (batch, time, width)`` gives the same shape, and ``(x, mask (batch, time))`` gives ``(y, mask)``. Params
        are ``attention_norm``, ``attention``, ``mlp_norm``, ``mlp_in``, ``mlp_out``.

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

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """The parameters of the five parts."""
        value = x[0] if isinstance(x, (tuple, list)) else x
        if len(value.shape) != 3:
            raise checks.SpecError(f"TransformerBlock needs (batch, time, width), got {value.shape}; write x[None]")
        width = value.shape[-1]
        hidden = jax.ShapeDtypeStruct((*value.shape[:-1], self._hidden(width)), value.dtype)
        inputs = {"attention_norm": value, "attention": value, "mlp_norm": value, "mlp_in": value, "mlp_out": hidden}
        params = {}
        for i, (name, layer) in enumerate(self._parts(width).items()):
            with checks.at(name):
                params[name], _ = layer.init(fold(key, i), inputs[name])
        return {name: p for name, p in params.items() if p}, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """Attend, then transform each step."""
        value, *mask = x if isinstance(x, (tuple, list)) else (x,)
        if value.ndim != 3:
            raise checks.SpecError(f"TransformerBlock needs (batch, time, width), got {value.shape}; write x[None]")
        run = self._runner(params, value.shape[-1], key, train, rows)
        added = run("attention", {"query": run("attention_norm", value), **({"mask": mask[0]} if mask else {})})
        value = value + self._drop(added, key, 5, train)
        value = value + self._drop(self._mlp(run, value), key, 6, train)
        return ((value, *mask) if mask else value), state

    def init_cache(self, params: Params, batch: int, length: int, dtype: Any = None) -> dict:
        """The empty cache of the attention."""
        return self.attention.init_cache(params["attention"], batch, length, dtype)

    def apply_cached(self, params: Params, cache: dict, x: Any) -> tuple[Any, dict]:
        """The outputs of the next steps ``x (batch, time, width)``, and the cache after them."""
        run = self._runner(params, x.shape[-1], None, False, None)
        added, cache = self.attention.apply_cached(params["attention"], cache, run("attention_norm", x))
        x = x + added
        return x + self._mlp(run, x), cache

    def _hidden(self, width: int) -> int:
        return 4 * width if self.hidden is None else self.hidden

    def _parts(self, width: int) -> dict[str, Any]:
        return {
            "attention_norm": self.norm,
            "attention": self.attention,
            "mlp_norm": self.norm,
            "mlp_in": Dense(self._hidden(width), self.activation, self.use_bias),
            "mlp_out": Dense(width, use_bias=self.use_bias),
        }

    def _runner(self, params: Params, width: int, key: Key | None, train: bool, rows: Any) -> Callable:
        parts = self._parts(width)

        def run(name: str, x: Any) -> Any:
            with checks.at(name):
                own = fold(key, list(parts).index(name))
                return parts[name].apply(params.get(name, {}), {}, x, key=own, train=train, rows=rows)[0]

        return run

    def _mlp(self, run: Callable, x: Any) -> Any:
        return run("mlp_out", run("mlp_in", run("mlp_norm", x)))

    def _drop(self, x: Any, key: Key | None, i: int, train: bool) -> Any:
        return Dropout(self.dropout).apply({}, {}, x, key=fold(key, i), train=train)[0]
