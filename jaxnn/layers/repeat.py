"""One block, many times over depth."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.core import checks
from jaxnn.core.layer import child, spec
from jaxnn.core.masks import Masked, is_masked
from jaxnn.core.types import Key, Params, State
from jaxnn.layers.children import Init, brought, check_layers, fold, layer_names
from jaxnn.layers.remat import check_policy, rematerialised


@spec
class Repeat:
    """A block of layers ``n`` times in a row, each time with parameters of its own: ``y = f_n(... f_1(x))``.

    The parameters are stacked along a leading axis, and one scan runs over them, so that time to compile does not
    grow with depth. All blocks share the hyperparameters. Block *i* gets the key ``fold_in(key, i)``.

    Args:
        layer: a layer whose output has the shape and dtype of its input.
        n: how often.
        remat: what the backward pass computes again instead of keeping it, as the policy of `Remat`: ``"full"`` takes
            memory of one block instead of ``n``, for a third more arithmetic; ``"dots"`` keeps the outputs of products
            with weights. None keeps all.

    Shapes:
        ``x`` gives the same shape; each leaf of params and state is ``(n, ...)`` under the name of the layer.

    Raises:
        TypeError: if ``layer`` is no layer.
        ValueError: for ``n`` below 1, or an output unlike its input, with both, or another policy.

    Source: ``jax.lax.scan`` over layers, as in Haiku's ``layer_stack``.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> model = nn.Repeat(nn.Residual(nn.Dense(3)), 4)
        >>> params, state = model.init(jax.random.key(0), jnp.ones((2, 3)))
        >>> jax.tree.map(jnp.shape, params)
        {'residual_0': {'dense_0': {'bias': (4, 3), 'kernel': (4, 3, 3)}}}
    """

    layer: Any = child()
    n: int = 1
    remat: str | None = None

    def __post_init__(self):
        check_layers("Repeat", (self.layer,))
        checks.size("n", self.n, "Repeat(Residual(Dense(64)), 12)")
        if self.remat is not None:
            check_policy(self.remat, "remat", 'Repeat(Residual(Dense(64)), 12, remat="full")')

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Draw the parameters of all blocks at once, each from a key of its own."""
        (name,) = layer_names((self.layer,))
        x = Masked(*x) if is_masked(x) else x
        _same(x, Init(key)(name, self.layer, x))
        keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(self.n))
        params, state = jax.vmap(lambda k: self.layer.init(k, x))(keys)
        return ({name: params} if params else {}), ({name: state} if state else {})

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The blocks in a row, as one scan."""
        (name,) = layer_names((self.layer,))

        def block(x: Any, each: tuple) -> tuple[Any, State]:
            i, p, s = each
            with checks.at(name):
                y, after = self.layer.apply(brought(self.layer, p), s, x, key=fold(key, i), train=train, rows=rows)
            _same(x, y)
            return y, after

        x = Masked(*x) if is_masked(x) else x
        each = (jnp.arange(self.n), params.get(name, {}), state.get(name, {}))
        y, after = jax.lax.scan(rematerialised(block, self.remat, scanned=True), x, each)
        return y, ({name: after} if name in state else state)


def _same(x: Any, y: Any) -> None:
    one, two = (jax.tree.map(lambda a: (tuple(a.shape), str(a.dtype)), tree) for tree in (x, y))
    if one != two:
        raise checks.SpecError(
            f"Repeat needs a block whose output is like its input, got {one} and {two}; "
            "end the block with a layer of the size of its input"
        )
