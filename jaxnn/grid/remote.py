"""Parts of a grid as tasks of an executor: whatever has ``submit``, as `concurrent.futures.Executor` says it."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from typing import Any

import jax

WORKERS = 8
"""Of an executor that does not say how many it has."""


def check_executor(on: Any, callbacks: Sequence[Callable] = ()) -> None:
    """Raise unless ``on`` takes tasks, and no callback would be called elsewhere.

    Example:
        >>> check_executor("ray")
        Traceback (most recent call last):
        ValueError: on='ray' takes no tasks; write on=nn.ray(), or on=ProcessPoolExecutor(4, get_context("spawn"))
    """
    if isinstance(on, type) or not callable(getattr(on, "submit", None)):
        raise ValueError(
            f'on={on!r} takes no tasks; write on=nn.ray(), or on=ProcessPoolExecutor(4, get_context("spawn"))'
        )
    if jax.process_count() > 1:
        raise ValueError("on= and jax.distributed each spread a grid over processes; write nn.grid(...) without on=")
    if callbacks:
        raise ValueError("callbacks are called where members train, and with on= that is in another process; "
                         "leave callbacks= out, or on=")  # fmt: skip


def workers_of(on: Any) -> int:
    """How many tasks an executor does at a time.

    Example:
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> workers_of(ThreadPoolExecutor(3))
        3
    """
    return max(1, int(getattr(on, "workers", None) or getattr(on, "_max_workers", None) or WORKERS))


def tasks_done(on: Any, function: Callable, shared: Any, tasks: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    """``function(shared, task)`` for each task, as they finish: ``(number, result)``.

    What all have in common is put into the executor's store once, where it has one (``on.put``). Where this ends early,
    by an error or because nobody asks for more, tasks that have not begun are cancelled.

    Args:
        on: an executor.
        function: one that its workers can import.
        shared: the first argument of all.
        tasks: the second arguments; their ``points`` are named where one fails.

    Example:
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> with ThreadPoolExecutor(2) as pool:
        ...     sorted(tasks_done(pool, pow, 2, [3, 5]))
        [(0, 8), (1, 32)]
    """
    put = getattr(on, "put", None)
    given = shared if put is None else put(shared)
    futures = {}
    try:
        futures = {on.submit(function, given, task): number for number, task in enumerate(tasks)}
        for future in as_completed(futures):
            number = futures[future]
            try:
                result = future.result()
            except Exception as error:
                points = getattr(tasks[number], "points", number)
                error.add_note(f"in a worker that trained the points {points} of the space")
                raise
            yield number, result
    finally:
        for future in futures:
            future.cancel()
