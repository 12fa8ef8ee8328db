"""A callback that is called more seldom."""

from collections.abc import Callable
from typing import Any

from jaxnn.core import checks


class every:
    """Call a callback after each ``n`` epochs.

    Args:
        n: a whole number of at least 1.
        callback: a function ``(population, epoch, row)``.

    Example:
        >>> import numpy as np, optax, jaxnn as nn
        >>> trial = nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(0.1))
        >>> seen = []
        >>> tell = nn.callbacks.every(2, lambda population, epoch, row: seen.append(epoch))
        >>> run = nn.fit(trial, (np.ones((2, 1)), np.ones(2)), epochs=5, callbacks=[tell])
        >>> seen
        [2, 4]
    """

    def __init__(self, n: int, callback: Callable[[Any, int, dict[str, Any]], None]):
        checks.size("n", n, "every(10, callback)")
        if not callable(callback):
            raise ValueError(f"a callback is a function, got {callback!r}; write every(10, callback)")
        self.every, self.callback = n, callback

    def __call__(self, population: Any, epoch: int, row: dict[str, Any]) -> None:
        """Call it."""
        self.callback(population, epoch, row)
