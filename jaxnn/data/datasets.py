"""Data sets by name or by file: features, targets and their names in one tuple."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from jaxnn.data import frames, named, playground, tables
from jaxnn.data.split import holdout


class Dataset(NamedTuple):
    """A table with its targets, on the host.

    Args:
        x: ``(rows, features)`` float64, as read; JAX makes it float32. A ``pandas.DataFrame`` where the columns hold
            text, dates or missing values, which `fit` and `grid` prepare.
        y: ``(rows,)`` class codes, int32, or numbers, float64.
        features: the names of the columns of ``x``.
        classes: the name of each class code; None for a regression.
        name: what was loaded.

    Example:
        >>> Dataset([[0.5], [2.0]], [0, 1], ("height",), ("low", "high"), "hills").classes[1]
        'high'
    """

    x: Any
    y: Any
    features: tuple[str, ...]
    classes: tuple[str, ...] | None
    name: str


def load(
    name: str,
    target: str | None = None,
    *,
    task: str | None = None,
    noise: float | None = None,
    n: int | None = None,
    seed: int | None = None,
    drop: Sequence[str] = (),
) -> Dataset:
    """Load a data set by its name, or a CSV or Parquet file by its path.

    Args:
        name: "digits", "iris", "wine", "breast_cancer" or "diabetes" (from scikit-learn's files); "circle", "xor",
            "gauss" or "spiral" (drawn); or the path of a ``.csv``, ``.csv.gz`` or ``.parquet`` file.
        target: the column to predict; needed for a file, and only there. All other columns are features; a first
            column without a name, the index that pandas writes, is not.
        task: "classification" or "regression" for a file; None tells it from the target: text, truth values and
            whole numbers with at most 20 values are classes.
        noise: of the drawn sets, from 0 to 0.5; 0 by default.
        n: number of rows of the drawn sets; 500 by default.
        seed: of the drawn sets; 0 by default.
        drop: columns of a file that are left out, such as one that numbers the rows.

    Returns:
        A `Dataset`.

    Raises:
        ValueError: for an unknown name, file or column, missing targets, one class only.
        ImportError: if the package that is read from is absent.

    Example:
        >>> data = load("spiral", n=100, noise=0.1)
        >>> data.x.shape, data.y.shape, data.classes
        ((100, 2), (100,), ('orange', 'blue'))
    """
    name = str(name)
    drawn = {key: value for key, value in {"noise": noise, "n": n, "seed": seed}.items() if value is not None}
    if task not in (None, "classification", "regression"):
        raise ValueError(f'no task is named {task!r}; write task="classification" or task="regression"')
    if drawn and name not in playground.SETS:
        raise ValueError(
            f"{next(iter(drawn))} belongs to {', '.join(playground.SETS)}; write load({name!r}) without it"
        )
    if (target or task or drop) and not tables.is_table(name):
        _known(name)
        raise ValueError(f"{name} has its own target; write load({name!r}) without target, task and drop")
    if name in playground.SETS:
        x, y = playground.draw(name, **({"n": 500, "noise": 0.0, "seed": 0} | drawn))
        return Dataset(x, y, ("x1", "x2"), playground.CLASSES, name)
    if name in named.SETS:
        return Dataset(*named.read(name), name)
    _known(name)
    frame = tables.read(name)
    if target is None:
        raise ValueError(
            f"{name} needs a target column; its columns are {tables.listed(frame.columns)}; "
            f"write load({name!r}, target={str(frame.columns[-1])!r})"
        )
    y, classes = tables.targets(tables.pick(frame, target, name), name, task)
    out = [drop] if isinstance(drop, str) else list(drop)
    x = tables.features(frame, name, target, out)
    return Dataset(x, y, tuple(c for c in frame.columns if c not in (target, *out)), classes, name)


def take(data: Dataset, rows: Any) -> Dataset:
    """The data set of some of the rows.

    Example:
        >>> take(load("xor"), [3, 4]).x.shape
        (2, 2)
    """
    return data._replace(x=frames.take(data.x, rows), y=data.y[rows])


def train_test(data: Dataset, fraction: float = 0.2, seed: int = 0) -> tuple[Dataset, Dataset]:
    """Split a data set into a training part and a test part, classes in proportion.

    Args:
        data: a `Dataset`.
        fraction: share of the rows that is set aside, above 0 and below 1; of the digits 0.2 leaves 1437 rows.
        seed: of the split.

    Returns:
        ``(train, test)``, two data sets.

    Raises:
        ValueError: if a part would be empty.

    Example:
        >>> [len(part.y) for part in train_test(load("gauss"), 0.2)]
        [400, 100]
    """
    rows, held = holdout(len(data.y), fraction, seed, None if data.classes is None else data.y)
    return take(data, rows), take(data, held)


def _known(name: str) -> None:
    if name not in named.SETS and name not in playground.SETS and not tables.is_table(name):
        raise ValueError(
            f"no data set is named {name!r}; choose one of {', '.join([*named.SETS, *playground.SETS])}, "
            f"or a file that ends in {', '.join(tables.SUFFIXES)}"
        )
