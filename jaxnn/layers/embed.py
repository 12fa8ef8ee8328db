"""Token embedding, and the same table turned around."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from jaxnn.core import checks
from jaxnn.core.layer import spec
from jaxnn.core.masks import by_step
from jaxnn.core.names import initializer
from jaxnn.core.types import Key, Params, State
from jaxnn.layers.kernel import product


@spec
@by_step
class Embed:
    """One row of a table for every whole number: ``y = embedding[x]``.

    An id outside ``0 ... vocab - 1`` gives a row of NaN, so that a wrong id is seen in the loss and never reads
    another token's row; its gradient reaches no row.

    Args:
        vocab: number of ids.
        width: length of a row.
        embedding_init: a name or an initialiser ``f(key, shape, dtype)``.
        dtype: of the output, such as ``"bfloat16"``; layers after it compute in it. None keeps the parameters' own.

    Shapes:
        ``x (batch, ...)`` of whole numbers gives ``(batch, ..., width)``, and ``(x, mask)`` gives ``(y, mask)``; params
        are ``embedding (vocab, width)``.

    Raises:
        ValueError: for sizes below 1, an unknown name, or ids that are not whole numbers.

    Source: ``flax.linen.Embed`` (with ``attend``), ``keras.layers.Embedding``.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> layer, ids = nn.Embed(5, 2), jnp.array([[1, 1, 4]])
        >>> params, state = layer.init(jax.random.key(0), ids)
        >>> y, state = layer.apply(params, state, ids)
        >>> y.shape, bool((y[0, 0] == y[0, 1]).all()), layer.attend(params, y).shape
        ((1, 3, 2), True, (1, 3, 5))
    """

    vocab: int
    width: int
    embedding_init: str | Callable = "normal"
    dtype: str | None = None

    def __post_init__(self):
        checks.size("vocab", self.vocab, "Embed(1000, 64)")
        checks.size("width", self.width, "Embed(1000, 64)")
        initializer(self.embedding_init)

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Draw the table."""
        _whole(x)
        return {"embedding": initializer(self.embedding_init)(key, (self.vocab, self.width), jnp.float32)}, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The rows of the table."""
        _whole(x)
        table = jnp.asarray(params["embedding"], self.dtype)
        ids = x.astype(jnp.int32) if x.dtype.itemsize < 4 else x
        ids = jnp.where(ids < 0, self.vocab, ids)
        return table.at[ids].get(mode="fill", fill_value=jnp.nan), state  # (batch, ...) -> (batch, ..., width)

    def attend(self, params: Params, x: Any) -> Any:
        """The tied output, ``y = x @ embedding.T``: ``(batch, ..., width)`` gives ``(batch, ..., vocab)``."""
        return product(x, params["embedding"].T)


def _whole(x: Any) -> None:
    if not jnp.issubdtype(x.dtype, jnp.integer):
        raise checks.SpecError(f"Embed takes ids that are whole numbers, got {x.dtype}; write x.astype('int32')")
