"""Work that the main thread waits for without being deaf: Ctrl-C is heard at once, whatever the device does."""

import threading
from collections.abc import Callable
from typing import Any


class Task:
    """A call in a thread of its own, which does not keep the process alive.

    Args:
        function: without arguments; it must not trace, as JAX keeps its settings by thread.
        now: whether to begin at once; else `begin` does, where an interruption in between must find the task.

    Example:
        >>> Task(lambda: 6 * 7).result()
        42
    """

    def __init__(self, function: Callable[[], Any], now: bool = True):
        self._function, self._value, self._error = function, None, None
        self._done = threading.Event()
        if now:
            self.begin()

    def begin(self, here: bool = False) -> None:
        """Call the function; ``here`` in this thread after all."""
        if here:
            self._run()
        else:
            threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            self._value = self._function()
        except BaseException as error:
            self._error = error
        del self._function  # and what it holds
        self._done.set()

    def ready(self, seconds: float) -> bool:
        """Whether it is done within so many seconds."""
        return self._done.wait(seconds)

    def result(self) -> Any:
        """What the function returned, or raised."""
        self._done.wait()
        if self._error is not None:
            raise self._error
        return self._value
