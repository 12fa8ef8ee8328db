"""Words inside a state of arrays."""

from dataclasses import dataclass
from typing import Any

import jax


@jax.tree_util.register_static
@dataclass(frozen=True)
class Fixed:
    """A word, a number or a tuple of them that shapes the program: a pytree node without leaves.

    Args:
        value: hashable.

    Example:
        >>> jax.tree.leaves({"scale": 1.0, "metric": Fixed("val_loss")})
        [1.0]
    """

    value: Any
