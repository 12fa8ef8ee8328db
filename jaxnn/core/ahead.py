"""What is made before it is asked for: the next piece is on its way while this one is worked on."""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

import jax

from jaxnn.core.waiting import Task


class Ahead:
    """The results of a function, one after the other, made in other threads under the settings that JAX has here.

    Args:
        make: gives the next piece, or None at the end.
        depth: how many pieces are made ahead.

    Example:
        >>> pieces = iter([1, 2])
        >>> ahead = Ahead(lambda: next(pieces, None))
        >>> ahead.get(), ahead.get(), ahead.get()
        (1, 2, None)
    """

    def __init__(self, make: Callable[[], Any], depth: int = 1):
        self.make, self.depth, self.tasks = make, depth, deque()
        settings: Any = jax.config
        self.settings = settings.jax_enable_x64, settings.jax_default_device

    def get(self) -> Any:
        """The next piece; waits for it where it is not there yet, and hears Ctrl-C meanwhile."""
        self._fill()
        found = self.tasks[0].result()
        self.tasks.popleft()
        if found is None:
            self.tasks.clear()
        else:
            self._fill()
        return found

    def _fill(self) -> None:
        while len(self.tasks) < self.depth:
            self.tasks.append(Task(partial(self._made, self.tasks[-1] if self.tasks else None)))

    def _made(self, before: Task | None) -> Any:
        if before is not None and before.result() is None:
            return None
        wide, device = self.settings
        with jax.enable_x64(wide), jax.default_device(device):
            return self.make()
