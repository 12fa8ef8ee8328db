"""Weights dropped in training."""

from typing import Any

import jax

from jaxnn.core import checks
from jaxnn.core.layer import child, hyper, spec
from jaxnn.core.tree import Where, mask
from jaxnn.core.types import Hyper, Key, Params, State
from jaxnn.layers.children import Apply, Init, check_layers, layer_names
from jaxnn.layers.dropout_mask import dropped


@spec
class DropConnect:
    """A layer whose weights are dropped in training: each is 0 with probability ``rate``, else ``w / (1 - rate)``.

    One mask serves a step, all rows of it and all steps in time; the paper draws one for each row. In use the weights
    are whole, their mean over masks.

    Args:
        layer: any layer.
        rate: the drop rate in [0, 1), a leaf: it may be traced. A concrete 0 draws nothing.
        where: which leaves of the layer's params: last names, a pattern over the path such as ``"recurrent/kernel"``,
            or a function from the path to a bool.

    Shapes:
        Those of the layer, whose params stand under its name.

    Raises:
        TypeError: if the first argument is no layer.
        ValueError: for a rate outside [0, 1), if ``where`` chooses no leaf, or for a missing key in training.

    Source: Wan et al., "Regularization of neural networks using DropConnect", 2013; for recurrent kernels Merity et
        al., "Regularizing and optimizing LSTM language models", 2017.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> layer = nn.DropConnect(nn.Dense(3, kernel_init="ones"), 0.5)
        >>> params, state = layer.init(jax.random.key(0), jnp.ones((1, 4)))
        >>> layer.apply(params, state, jnp.ones((1, 4)), key=jax.random.key(1), train=True)[0].tolist()
        [[4.0, 2.0, 4.0]]
    """

    layer: Any = child()
    rate: Hyper = hyper(0.5)
    where: Where = ("kernel",)

    def __post_init__(self):
        check_layers("DropConnect", (self.layer,))
        checks.rate("rate", self.rate, "DropConnect(Dense(100), 0.5)")

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """The params and state of the inner layer, under its name."""
        (name,) = layer_names((self.layer,))
        run = Init(key)
        run(name, self.layer, x)
        params = run.made[0].get(name, {})
        if not any(jax.tree.leaves(mask(params, self.where))):
            paths = [jax.tree_util.keystr(p, simple=True, separator="/") for p, _ in jax.tree.leaves_with_path(params)]
            raise checks.SpecError(
                f"DropConnect drops {self.where!r} and {name} has {', '.join(paths) or 'no weights'}; "
                'write where=("kernel",) with a name that is there'
            )
        return run.made

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The inner layer; in training under weights that are dropped."""
        (name,) = layer_names((self.layer,))
        if train and not (checks.is_concrete(self.rate) and self.rate == 0):
            params = {**params, name: self._dropped(checks.key_needed("DropConnect", key), params[name])}
        run = Apply(params, state, key=key, train=train, rows=rows)
        return run(name, self.layer, x), run.state

    def _dropped(self, key: Key, params: Params) -> Params:
        leaves, tree = jax.tree.flatten(params)
        chosen = jax.tree.leaves(mask(params, self.where))
        return jax.tree.unflatten(
            tree,
            [
                dropped(jax.random.fold_in(key, i), self.rate, leaf) if drops else leaf
                for i, (leaf, drops) in enumerate(zip(leaves, chosen, strict=True), 1)
            ],
        )
