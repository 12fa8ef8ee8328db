"""The data of a grid, and its points once for each part of their rows."""

from typing import Any

from jaxnn.data.folded import read_parts
from jaxnn.data.source import Source
from jaxnn.data.streamed import read
from jaxnn.grid.space import Space
from jaxnn.train.enrol import task_of
from jaxnn.train.options import PARTS
from jaxnn.train.trial import TrialLike


def parted(
    trial: TrialLike, data: Any, points: Space, epochs: int | None, validation: Any = None, folds: Any = None,
    bootstrap: Any = None, **options: Any,
) -> tuple[Source, Space]:  # fmt: skip
    """The data as the loss of the first point reads them, and the space; with folds each point once for each of them.

    Args:
        trial, data, points, epochs: of a grid.
        validation, folds, bootstrap: at most one of them.
        **options: of `jaxnn.data.source.read`.

    Raises:
        ValueError: for data that do not fit, and more than one way to hold rows out.
    """
    ways = {"validation": validation, "folds": folds, "bootstrap": bootstrap}
    given = [name for name, way in ways.items() if way is not None]
    if len(given) > 1:
        raise ValueError(f"{given[0]}= and {given[1]}= hold rows out, each in its way; write one of them")
    for axis, call in zip(PARTS, ("folds=5", "bootstrap=200"), strict=True):
        if any(axis in point for point in points.points):
            raise ValueError(f"{axis} is an axis that grid makes itself; write grid(..., {call}), and leave it out of "
                             "the space")  # fmt: skip
    source = source_of(trial, data, points, epochs, validation, folds, bootstrap, **options)
    if folds is None and bootstrap is None:
        return source, points
    return source, _times(points, "fold" if bootstrap is None else "bootstrap", len(source.parts))


def source_of(
    trial: TrialLike, data: Any, points: Space, epochs: int | None, validation: Any = None, folds: Any = None,
    bootstrap: Any = None, **options: Any,
) -> Source:  # fmt: skip
    """The data as the loss of the first point reads them; arguments as of `parted`."""
    options["task"] = task_of(trial, points.points[0], epochs or 1)
    if folds is None and bootstrap is None:
        return read(data, validation, **options)
    return read_parts(data, folds, bootstrap, **options)


def _times(points: Space, axis: str, count: int) -> Space:
    """Each point once for each number of an axis, which is the fastest."""
    return Space(tuple({**point, axis: k} for point in points.points for k in range(count)), (*points.axes, axis))
