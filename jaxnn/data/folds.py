"""Which rows each fold trains on and holds out, by number; what scikit-learn's splitters give is taken as it is."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnn.data import frames
from jaxnn.data.validation import labels_of

CALL = "folds=5, nn.folds(5, repeats=3), a splitter of scikit-learn, or a list of (train_rows, test_rows)"


@dataclass(frozen=True, eq=False)
class folds:
    """How the rows are divided into folds, each of which is held out once: k-fold cross-validation.

    It is a splitter of scikit-learn too: ``nn.folds(5).split(x, y)`` gives pairs of row numbers.

    Args:
        n: how many folds, at least 2.
        stratified: whether each fold has the classes in proportion; None for yes where the loss, or ``y``, is of
            classes, as ``cross_val_score`` does.
        groups: ``(rows,)`` values, or the name of a column: no group stands on both sides. Needs scikit-learn.
        repeats: how often all of it is done, each time with another division.
        order: ``"random"``, or ``"time"`` for rows in order of time: a fold trains on all that was before it.
        seed: of the division; None for the ``shuffle_seed`` of the training.

    Raises:
        ValueError: for a number or a word that does not fit.

    Source: row by row the splits of ``sklearn.model_selection``: ``KFold``, ``StratifiedKFold``, ``GroupKFold``,
        ``StratifiedGroupKFold`` and ``RepeatedKFold`` with ``shuffle=True, random_state=seed``; ``TimeSeriesSplit``.

    Example:
        >>> [test.tolist() for _, test in folds(3, seed=0).split(np.zeros(7))]
        [[1, 2, 6], [0, 3], [4, 5]]
        >>> [(len(train), test.tolist()) for train, test in folds(3, order="time").split(np.zeros(8))]
        [(2, [2, 3]), (4, [4, 5]), (6, [6, 7])]
    """

    n: int = 5
    stratified: bool | None = None
    groups: Any = None
    repeats: int = 1
    order: str = "random"
    seed: int | None = None

    def __post_init__(self):
        for name, value, least in (("n", self.n, 2), ("repeats", self.repeats, 1)):
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
                raise ValueError(
                    f"{name} of folds must be a whole number of at least {least}, got {value!r}; "
                    "write nn.folds(5, repeats=3)"
                )
        if self.order not in ("random", "time"):
            raise ValueError(
                f'order must be "random" or "time", got {self.order!r}; write nn.folds(5, order="time") for a series'
            )
        if self.order == "time" and (self.repeats > 1 or self.stratified or self.groups is not None):
            raise ValueError(
                'order="time" is one division, by the order of the rows alone; write nn.folds(5, order="time")'
            )

    def get_n_splits(self, x: Any = None, y: Any = None, groups: Any = None) -> int:
        """How many pairs `split` gives."""
        return int(self.n * self.repeats)

    def split(self, x: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Pairs ``(train_rows, test_rows)`` of sorted int64 arrays, one for each fold of each repeat.

        Args:
            x: anything with a length.
            y: ``(rows,)`` targets; whole numbers and names are classes.
            groups: in the place of those given before.

        Raises:
            ValueError: for fewer rows, groups or members of every class than folds.
        """
        rows = len(y) if y is not None else len(x)
        groups = self.groups if groups is None else groups
        targets = np.asarray(y)
        classes = self.stratified is not False and targets.ndim == 1 and targets.dtype.kind in "biuUSO"
        yield from self._splits(rows, targets if classes and y is not None else None, groups)

    def _splits(self, rows: int, labels: Any, groups: Any) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        if rows < self.n + (self.order == "time"):
            raise ValueError(f"{rows} rows cannot be divided into {self.n} folds; write folds={max(2, min(rows, 2))}")
        if self.stratified and labels is None:
            raise ValueError("stratified=True needs a class for each row; write nn.folds(5) for targets of numbers")
        if self.order == "time":
            yield from _in_time(rows, self.n)
            return
        draw = np.random.RandomState((self.seed or 0) % 2**32)
        for _ in range(self.repeats):
            yield from _apart(self._fold_of_each(rows, labels, groups, draw), self.n)

    def _fold_of_each(self, rows: int, labels: Any, groups: Any, draw: Any) -> np.ndarray:
        """The number of the fold in which each row is held out, ``(rows,)``."""
        if groups is not None:
            return _by_group(self.n, rows, labels, groups, draw)
        return _plain(self.n, rows, draw) if labels is None else _by_class(self.n, labels, draw)


def _apart(fold: np.ndarray, n: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for i in range(n):
        yield np.flatnonzero(fold != i), np.flatnonzero(fold == i)


def _plain(n: int, rows: int, draw: Any) -> np.ndarray:
    """`sklearn.model_selection.KFold`: shuffled, then cut into n pieces, the first ones a row longer."""
    order, fold = np.arange(rows), np.empty(rows, int)
    draw.shuffle(order)
    for i, piece in enumerate(np.array_split(order, n)):
        fold[piece] = i
    return fold


def _by_class(n: int, labels: np.ndarray, draw: Any) -> np.ndarray:
    """`sklearn.model_selection.StratifiedKFold`: sorted by class and dealt out, then shuffled inside each class."""
    _, first, codes = np.unique(labels, return_index=True, return_inverse=True)
    codes = np.argsort(np.argsort(first))[codes]  # numbered by first appearance
    if np.bincount(codes).max() < n:
        raise ValueError(f"no class has {n} rows, one for each fold; write folds={max(2, np.bincount(codes).max())}")
    dealt = [np.bincount(np.sort(codes)[i::n], minlength=len(first)) for i in range(n)]
    fold = np.empty(len(codes), int)
    for c in range(len(first)):
        own = np.arange(n).repeat([counts[c] for counts in dealt])
        draw.shuffle(own)
        fold[codes == c] = own
    return fold


def _by_group(n: int, rows: int, labels: Any, groups: Any, draw: Any) -> np.ndarray:
    """By scikit-learn: `StratifiedGroupKFold` for classes, else `GroupKFold`."""
    groups = np.asarray(groups)
    groups = groups.astype(str) if groups.dtype == object else groups
    if groups.shape != (rows,):
        raise ValueError(f"there are {rows} rows and groups of the shape {groups.shape}; write one group for each row")
    if len(np.unique(groups)) < n:
        raise ValueError(f"{len(np.unique(groups))} groups cannot be divided into {n} folds; write fewer folds")
    try:
        from sklearn import model_selection
    except ImportError:
        raise ImportError("folds by groups are those of scikit-learn; pip install scikit-learn") from None
    kind = model_selection.GroupKFold if labels is None else model_selection.StratifiedGroupKFold
    splitter, fold = kind(n, shuffle=True, random_state=draw), np.empty(rows, int)
    for i, (_, test) in enumerate(splitter.split(np.zeros((rows, 1)), labels, groups)):
        fold[test] = i
    return fold


def _in_time(rows: int, n: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """`sklearn.model_selection.TimeSeriesSplit`: tests of one length at the end, all that was before to train on."""
    size = rows // (n + 1)
    for start in range(rows - n * size, rows, size):
        yield np.arange(start), np.arange(start, start + size)


def drawn(rows: int, count: int, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Bootstrap draws: as many rows as there are, with replacement, and those that were not drawn, to score on.

    Args:
        rows: how many there are.
        count: how many draws.
        seed: of the draws.

    Raises:
        ValueError: for too few rows: a draw of all of them leaves none to score on.

    Source: Efron, "Bootstrap methods: another look at the jackknife", 1979; ``sklearn.utils.resample`` with one
        ``RandomState(seed)`` for all draws.

    Example:
        >>> train, out = drawn(5, 1)[0]
        >>> train.tolist(), out.tolist()
        ([4, 0, 3, 3, 3], [1, 2])
    """
    if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 1:
        raise ValueError(f"bootstrap must be a whole number of draws, got {count!r}; write bootstrap=200")
    draw, found = np.random.RandomState(seed % 2**32), []
    for _ in range(count):
        train = draw.randint(0, rows, rows)
        out = np.setdiff1d(np.arange(rows), train)
        if not len(out):
            raise ValueError(f"a bootstrap draw of {rows} rows leaves none to score on; give more rows")
        found.append((train, out))
    return found


class Nest(NamedTuple):
    """Folds inside folds: each outer training part is divided again.

    The parts are, for each outer fold, its inner ones and then itself.

    Args:
        outer, inner: as `pairs` takes them.
    """

    outer: Any
    inner: Any

    @property
    def size(self) -> int:
        """How many inner folds an outer one has.

        Example:
            >>> Nest(5, folds(3, repeats=2)).size
            6
        """
        if isinstance(self.inner, (int, np.integer)):
            return int(self.inner)
        if not hasattr(self.inner, "get_n_splits"):
            raise ValueError(f"inner folds divide any training part, got {self.inner!r:.80}; write inner=4, or a "
                             "splitter of scikit-learn")  # fmt: skip
        return int(self.inner.get_n_splits())

    def pairs(self, x: Any, y: Any, groups: Any, **how: Any) -> list[tuple[np.ndarray, np.ndarray]]:
        """As row numbers of all rows."""
        found = []
        for train, test in pairs(self.outer, x, y, groups=groups, **how):
            own = {**how, "rows": len(train), "groups": None if groups is None else np.asarray(groups)[train]}
            mine = frames.take(x, train) if hasattr(x, "shape") else x
            inner = pairs(self.inner, mine, jax.tree.map(lambda a, rows=train: a[rows], y), **own)
            if len(inner) != self.size:
                raise ValueError(f"an outer fold has {len(inner)} inner ones, and not {self.size}; write inner=4")
            found += [(train[a], train[b]) for a, b in inner] + [(train, test)]
        return found


def pairs(
    given: Any, x: Any, y: Any, rows: int, *, seed: int = 0, shuffle: bool = True, task: Any = None, groups: Any = None
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The folds that a user asks for as row numbers, checked.

    Args:
        given: a number of folds, a `folds`, anything with ``split(X, y, groups)``, or pairs of row numbers.
        x, y: rows and targets, which a splitter may look at.
        rows: how many there are.
        seed: where none is given.
        shuffle: False says that the order of the rows means something, and folds at random are then refused.
        task: of the loss, or of each output; see `jaxnn.data.validation.labels_of`.
        groups: ``(rows,)`` or None.

    Raises:
        ValueError: with what to write instead.

    Example:
        >>> [test.tolist() for _, test in pairs(2, None, np.zeros(4), 4)]
        [[2, 3], [0, 1]]
    """
    if isinstance(given, Nest):
        return given.pairs(x, y, groups, rows=rows, seed=seed, shuffle=shuffle, task=task)
    if isinstance(given, (int, np.integer)) and not isinstance(given, bool):
        given = folds(int(given))
    if isinstance(given, folds):
        if not shuffle and given.order == "random" and groups is None:
            raise ValueError(
                "shuffle=False keeps the rows in order, and these folds hold out rows drawn at random; write "
                f'folds=nn.folds({given.n}, order="time"), or a splitter of scikit-learn'
            )
        labels = None if given.stratified is False else labels_of(y, task)
        own = folds(**{**vars(given), "seed": seed if given.seed is None else given.seed})
        found = list(own._splits(rows, labels, groups))
    elif not isinstance(given, (str, bytes, type)) and (split := getattr(given, "split", None)) is not None:
        targets = y if isinstance(y, np.ndarray) else labels_of(y, task)
        found = list(split(x if hasattr(x, "shape") else np.zeros((rows, 1)), targets, groups))
    elif isinstance(given, (list, tuple, Iterator)):
        found = list(given)
    else:
        raise ValueError(f"folds must say how to divide the rows, got {given!r}; write {CALL}")
    return [_checked(pair, i, rows) for i, pair in enumerate(_some(found))]


def _some(found: list) -> list:
    if not found:
        raise ValueError(f"folds holds no pair of row numbers; write {CALL}")
    return found


def _checked(pair: Any, i: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise ValueError(f"fold {i} must be a pair (train_rows, test_rows), got {pair!r:.80}; write {CALL}")
    return _numbers(pair[0], f"the training rows of fold {i}", rows), _numbers(pair[1], f"the rows that fold {i} holds "
                                                                               "out", rows)  # fmt: skip


def _numbers(given: Any, what: str, rows: int) -> np.ndarray:
    numbers = np.asarray(given)
    if numbers.ndim != 1 or not np.issubdtype(numbers.dtype, np.integer) or not len(numbers):
        kind = "none" if not numbers.size else f"{numbers.dtype} of shape {numbers.shape}"
        raise ValueError(f"{what} must be row numbers, got {kind}; write np.flatnonzero(mask) for a mask")
    if numbers.min() < 0 or numbers.max() >= rows:
        raise ValueError(f"{what} lie between {numbers.min()} and {numbers.max()}, and the rows are 0 to {rows - 1}")
    return numbers
