"""Work that the main thread waits for without being deaf: Ctrl-C is heard at once, whatever the device does."""

import signal
import threading
from collections.abc import Callable
from typing import Any


class Task:
    """A call in a thread of its own, which does not keep the process alive.

    Args:
        function: without arguments; it must not trace, as JAX keeps its settings by thread.

    Example:
        >>> Task(lambda: 6 * 7).result()
        42
    """

    def __init__(self, function: Callable[[], Any]):
        self._function, self._value, self._error = function, None, None
        self._done = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            self._value = self._function()
        except BaseException as error:
            self._error = error
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


class deferred:
    """Ctrl-C in this block is heard at its end: for what must not be done by half.

    Example:
        >>> with deferred():
        ...     both = [1, 2]
    """

    def __enter__(self) -> None:
        self._heard: tuple | None = None
        main = threading.current_thread() is threading.main_thread()
        handler = signal.getsignal(signal.SIGINT) if main else None
        self._handler = handler if callable(handler) else None
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._hear)

    def _hear(self, *args: Any) -> None:
        self._heard = args

    def __exit__(self, *error: Any) -> None:
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)
            if self._heard is not None:
                self._handler(*self._heard)
