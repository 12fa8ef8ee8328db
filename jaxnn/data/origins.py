"""Where the batches of a stream come from, and how a place in them is found again.

An origin gives *turns*: a turn is the source from its first batch to its last. Whoever reads opens a turn at a batch;
an origin that cannot jump there opens it earlier, and what lies between is read and left out.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from jaxnn.data import frames
from jaxnn.data.places import homes, packed, unpacked


class Opened:
    """A turn that is being read.

    Args:
        iterator: of batches.
        at: the number of the first batch that it gives.
        state: what the iterator tells of its place, from which it could go on; or None.
    """

    def __init__(self, iterator: Iterator, at: int = 0, state: Callable[[], Any] | None = None):
        self.iterator, self.at, self.state = iterator, at, state
        self.put_back: list[tuple[int, Any, Any]] = []

    def take(self) -> tuple[int, Any, Any] | None:
        """The number of the next batch, the state before it and the batch; None at the end."""
        if self.put_back:
            return self.put_back.pop()
        before = self.here()[1]
        try:
            batch = next(self.iterator)
        except StopIteration:
            return None
        self.at += 1
        return self.at - 1, before, batch

    def here(self) -> tuple[int, Any]:
        """The number of the next batch, and the state before it."""
        if self.put_back:
            return self.put_back[-1][:2]
        return self.at, None if self.state is None else self.state()


class Origin:
    """Where batches come from.

    Args:
        rows, batches: of a turn, or None where nobody knows.
        once: whether there is one turn only.
        repeats: whether a turn gives the same batches when it is read again; None where nobody knows.
    """

    rows: int | None = None
    batches: int | None = None
    once = False
    repeats: bool | None = True
    peeked: Opened | None = None

    def open(self, turn: int, batch: int = 0, state: Any = None) -> Opened:
        """A turn from a batch on, or from an earlier one."""
        if self.peeked is not None and (turn, batch, state) == (0, 0, None):
            found, self.peeked = self.peeked, None
            return found
        return self.opened(turn, batch, state)

    def opened(self, turn: int, batch: int, state: Any) -> Opened:
        """As `open`, of those who are an origin."""
        raise NotImplementedError

    def first(self) -> Any:
        """The first batch, which is not used up by looking at it; None where there is none."""
        opened = self.open(0)
        found = opened.take()
        if found is not None:
            opened.put_back.append(found)
            self.peeked = opened
        return None if found is None else found[2]

    def told(self) -> list[Any]:
        """What says in a file which origin it is."""
        return [type(self).__name__, self.rows, self.batches]


class Listed(Origin):
    """A list of batches, or whatever has a length and gives a batch by its number."""

    def __init__(self, batches: Sequence, rows: int | None = None):
        self.list, self.batches, self.rows = batches, len(batches), rows

    def opened(self, turn: int, batch: int, state: Any) -> Opened:
        """From this very batch on."""
        return Opened((self.list[i] for i in range(batch, len(self.list))), batch)


class Made(Origin):
    """A function that makes the batches of a turn; one with an argument ``epoch`` is told its number."""

    def __init__(self, function: Callable):
        self.function = function
        known = inspect.signature(function).parameters
        self.numbered = "epoch" in known
        free = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        needed = [p.name for p in known.values() if p.default is p.empty and p.kind not in free]
        if set(needed) - {"epoch"}:
            raise ValueError(
                f"a function that makes batches is called without arguments, or with epoch=, and this one takes "
                f"{', '.join(needed)}; write lambda: {getattr(function, '__name__', 'batches')}(...)"
            )

    def opened(self, turn: int, batch: int, state: Any) -> Opened:
        """From the first batch on."""
        return Opened(iter(self.function(epoch=turn) if self.numbered else self.function()))


class Repeated(Origin):
    """An iterable that can be read again, such as a ``DataLoader`` of PyTorch or a ``tf.data.Dataset``."""

    def __init__(self, batches: Iterable):
        self.iterable, self.batches = batches, _length(batches)
        sampler = type(getattr(batches, "sampler", None)).__name__
        self.repeats = False if sampler == "RandomSampler" else None

    def opened(self, turn: int, batch: int, state: Any) -> Opened:
        """From the first batch on."""
        return Opened(iter(self.iterable))

    def told(self) -> list[Any]:
        """As of others."""
        return [*super().told(), type(self.iterable).__name__]


class Stateful(Repeated):
    """An iterable that tells its place: iterators of grain, ``StatefulDataLoader`` of torchdata, and what is alike."""

    def __init__(self, batches: Iterable):
        super().__init__(batches)
        self.repeats = True

    def opened(self, turn: int, batch: int, state: Any) -> Opened:
        """From this very batch on where its state is known."""
        own = self.iterable
        if state is not None and hasattr(own, "load_state_dict"):
            own.load_state_dict(unpacked(state))  # type: ignore[attr-defined]
        iterator = iter(own)
        if state is not None and not hasattr(own, "load_state_dict"):
            iterator.set_state(unpacked(state))  # type: ignore[attr-defined]
        tell = getattr(iterator, "get_state", None) or own.state_dict  # type: ignore[attr-defined]
        return Opened(iterator, 0 if state is None else batch, lambda: packed(tell()))


class Once(Origin):
    """An iterator, which can be read once: it goes on from where it is."""

    once = True
    repeats = None

    def __init__(self, batches: Iterator):
        self.iterator, self.name = batches, type(batches).__name__
        self.turn: int | None = None
        self.reader: Opened | None = None
        self.last: tuple[int, Any, Any] | None = None

    def opened(self, turn: int, batch: int, state: Any) -> Opened:
        """From where it is; what was read last is still there.

        Raises:
            ValueError: where that is past.
        """
        self.turn = turn if self.turn is None else self.turn
        if self.reader is None:
            self.reader = Opened(self._kept())
        if self.last is not None and batch == self.last[0] and not self.reader.put_back:
            self.reader.put_back.append(self.last)
        at = self.reader.put_back[-1][0] if self.reader.put_back else self.reader.at
        if turn != self.turn or at > batch:
            raise ValueError(self.refusal())
        return self.reader

    def open(self, turn: int, batch: int = 0, state: Any = None) -> Opened:
        """From where it is, whoever has looked at it."""
        return self.opened(turn, batch, state)

    def first(self) -> Any:
        """The first batch; its turn may have any number."""
        found, self.turn = super().first(), None
        return found

    def _kept(self, first: int = 0) -> Iterator:
        for number, batch in enumerate(self.iterator, first):
            self.last = number, None, batch
            yield batch

    def refusal(self) -> str:
        """Why it cannot be read again."""
        return (
            f"a {self.name} can be read once, and it is asked for what it has given already; write a function that "
            "makes "
            "it, as in nn.fit(trial, lambda: batches(), ...), or a list"
        )


class Resumed(Once):
    """An iterator that tells its place and goes back to it, such as one of grain."""

    repeats = True

    def opened(self, turn: int, batch: int, state: Any) -> Opened:
        """From this very batch on where its state is known."""
        own: Any = self.iterator
        if state is not None:
            self.turn, self.last = turn, None
            own.set_state(unpacked(state))
            self.reader = Opened(self._kept(batch), batch, lambda: packed(own.get_state()))
            return self.reader
        self.reader = self.reader or Opened(self._kept(), 0, lambda: packed(own.get_state()))
        return super().opened(turn, batch, state)


def origin_of(batches: Any) -> Origin:
    """The origin of what a user calls batches.

    Raises:
        ValueError: for what gives none.

    Example:
        >>> type(origin_of([1, 2])).__name__, type(origin_of(iter([1]))).__name__, type(origin_of(lambda: [1])).__name__
        ('Listed', 'Once', 'Made')
    """
    if frames.is_frame(batches) or isinstance(batches, Mapping):
        raise ValueError(
            "a table or a dict is one batch; write nn.fit(trial, (table, 'column'), ...), or "
            "nn.stream([table], target='column') for a list of them"
        )
    if type(batches) in (list, tuple) and str(next(iter(batches), "")).endswith(".parquet"):
        raise ValueError(
            "these are paths; write nn.stream(folder, target=...), or nn.stream(pyarrow.dataset.dataset(paths), "
            "target=...)"
        )
    if hasattr(batches, "__getitem__") and hasattr(batches, "__len__"):
        if not hasattr(batches, "__iter__") and hasattr(type(batches), "__add__") and "torch" in homes(batches):
            raise ValueError(
                f"a {type(batches).__name__} of PyTorch gives rows one by one; write torch.utils.data.DataLoader("
                "dataset, batch_size=256)"
            )
        return Listed(batches)
    if hasattr(batches, "__next__"):
        tells = hasattr(batches, "get_state") and hasattr(batches, "set_state")
        return Resumed(batches) if tells else Once(batches)
    if hasattr(batches, "__iter__"):
        tells = all(hasattr(batches, name) for name in ("state_dict", "load_state_dict")) or "grain" in homes(batches)
        return Stateful(batches) if tells else Repeated(batches)
    if callable(batches):
        return Made(batches)
    raise ValueError(
        f"a {type(batches).__name__} gives no batches; write a list of (x, y), an iterator, a DataLoader or a function "
        "that makes one"
    )


def _length(batches: Any) -> int | None:
    try:
        return len(batches)
    except TypeError:
        return None
