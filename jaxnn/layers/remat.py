"""Rematerialisation: what the backward pass computes again instead of keeping it."""

from collections.abc import Callable
from typing import Any

import jax

from jaxnn.core.layer import child, spec
from jaxnn.core.types import Key, Params, State
from jaxnn.layers.children import brought, check_layers

POLICIES: dict[str, Callable | None] = {
    "full": None,
    "dots": jax.checkpoint_policies.dots_with_no_batch_dims_saveable,
}
"""What is kept: nothing, or the outputs of products with weights, which are most of the arithmetic."""


@spec
class Remat:
    """A layer of which the backward pass computes again what is inside, ``y = f(x)``: less memory for more arithmetic.

    Values and gradients are those of the layer, and so are params and state, with and without it.

    Args:
        layer: any layer.
        policy: ``"full"`` keeps the input alone, for a third more arithmetic; ``"dots"`` keeps the outputs of products
            with weights too, so that activations, norms and the products of attention are computed again.

    Shapes:
        Those of the layer.

    Raises:
        TypeError: if ``layer`` is no layer.
        ValueError: for another policy.

    Source: `jax.checkpoint` and `jax.checkpoint_policies`; Chen et al., "Training deep nets with sublinear memory
    cost", 2016.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> model, x = nn.Sequential(nn.Remat(nn.Dense(4, "gelu")), nn.Dense(1)), jnp.ones((2, 3))
        >>> params, state = model.init(jax.random.key(0), x)
        >>> list(params), model.apply(params, state, x)[0].shape
        (['dense_0', 'dense_1'], (2, 1))
    """

    layer: Any = child()
    policy: str = "full"

    def __post_init__(self):
        check_layers("Remat", (self.layer,))
        check_policy(self.policy, "policy", 'Remat(layer, "full")')

    @property
    def named_as(self) -> Any:
        """The layer after which this one is named among others."""
        return getattr(self.layer, "named_as", self.layer)

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Params and state of the layer."""
        return self.layer.init(key, x)

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The layer, checkpointed."""

        def inside(params: Params, state: State, x: Any, key: Any) -> tuple[Any, State]:
            return self.layer.apply(brought(self.layer, params), state, x, key=key, train=train, rows=rows)

        return rematerialised(inside, self.policy)(params, state, x, key)


def rematerialised(function: Callable, policy: str | None, scanned: bool = False) -> Callable:
    """The function under `jax.checkpoint`, or as it is where the policy is None.

    Args:
        function: pure, of arrays.
        policy: as in `Remat`.
        scanned: whether it is the body of a scan, where nothing can be merged with what is computed again.
    """
    if policy is None:
        return function
    return jax.checkpoint(function, policy=POLICIES[policy], prevent_cse=not scanned)


def check_policy(policy: Any, name: str, call: str) -> None:
    """Raise for what is no policy.

    Raises:
        ValueError: with the call to write.
    """
    if not isinstance(policy, str) or policy not in POLICIES:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, POLICIES))}, got {policy!r}; write {call}")
