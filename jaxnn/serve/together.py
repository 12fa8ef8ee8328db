"""Requests that come while the model is busy are answered together."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax

from jaxnn.serve.reading import Refused, count_of, joined


class Together:
    """Asks a function for several requests at once.

    A request that finds the model idle is answered at once; those that come meanwhile wait, and are the next call. So
    nobody waits for company, and the busier it gets, the larger the calls. A request that fails in company is asked
    again alone, so that it spoils no other.

    Args:
        answer: rows to answers, a tree of arrays ``(rows, ...)``; it runs in a thread of its own.
        most: rows of one call.
        waiting: requests that may wait.

    Example:
        >>> import numpy as np
        >>> double = Together(lambda rows: 2 * rows)
        >>> asyncio.run(double(np.array([1, 2]))).tolist()
        [2, 4]
    """

    def __init__(self, answer: Callable[[Any], Any], most: int = 4096, waiting: int = 1024):
        self.answer, self.most, self.waiting = answer, most, waiting
        self.line: deque[tuple[Any, asyncio.Future]] = deque()
        self.busy = False
        self.pool = ThreadPoolExecutor(1)

    async def __call__(self, rows: Any) -> Any:
        """The answer to these rows.

        Raises:
            Refused: where too many wait.
            Exception: what the function raised for these rows.
        """
        if len(self.line) >= self.waiting:
            raise Refused(f"{self.waiting} requests wait already; try again later", 503)
        future = asyncio.get_running_loop().create_future()
        self.line.append((rows, future))
        self._next()
        return await future

    def _next(self) -> None:
        """Begin a call of the function, unless one runs."""
        if self.busy:
            return
        taken: list[tuple[Any, asyncio.Future]] = []
        room = self.most
        while self.line and (not taken or count_of(self.line[0][0]) <= room):
            rows, future = self.line.popleft()
            if not future.done():  # its client is still there
                taken.append((rows, future))
                room -= count_of(rows)
        if not taken:
            return
        self.busy = True
        call = asyncio.get_running_loop().run_in_executor(self.pool, self._answers, [rows for rows, _ in taken])
        call.add_done_callback(lambda done: self._told(taken, done))

    def _told(self, taken: list[tuple[Any, asyncio.Future]], done: asyncio.Future) -> None:
        self.busy = False
        for (_, future), found in zip(taken, done.result(), strict=True):
            if future.done():
                continue
            if isinstance(found, Exception):
                future.set_exception(found)
            else:
                future.set_result(found)
        self._next()

    def _answers(self, several: Sequence[Any]) -> list[Any]:
        """The answer to each, or the exception that it raised."""
        try:
            found = self.answer(joined(list(several)))
        except Exception as error:
            return [error] if len(several) == 1 else [self._answers([rows])[0] for rows in several]
        parts, first = [], 0
        for rows in several:
            last = first + count_of(rows)
            parts.append(jax.tree.map(lambda a, i=first, j=last: a[i:j], found))
            first = last
        return parts
