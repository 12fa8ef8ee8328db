"""Points that lack a name which others of their space have: the default of the trial function takes its place."""

from inspect import Parameter
from typing import Any

from jaxnn.core.hyper import static, traced
from jaxnn.grid.space import Space, floats
from jaxnn.train.trial import TrialLike, signature


def filled(space: Space, trial: TrialLike, **own: Any) -> Space:
    """Every point with all names of the space that have a default, so that the table shows what was trained.

    A default goes into the program as the other values of its axis do: where they are floats it rides inside, so that
    a point that leaves it out shares the program of those that give it. What has no default stays out.

    Args:
        space: points, of which some may lack a name.
        trial: whose arguments have defaults.
        **own: those of the engine's own axes.

    Example:
        >>> from jaxnn.grid.space import as_space
        >>> def trial(lr, l2=0): ...
        >>> filled(as_space([{"lr": 0.1}, {"lr": 1, "l2": 1e-3, "seed": 4}]), trial, seed=0).points
        ({'lr': 0.1, 'l2': 0.0, 'seed': 0}, {'lr': 1.0, 'l2': 0.001, 'seed': 4})
    """
    defaults = {name: p.default for name, p in signature(trial).items() if p.default is not Parameter.empty} | own
    columns = {name: _column(space, name, defaults) for name in space.axes}
    points = [{n: columns[n][i] for n in space.axes if i in columns[n]} for i in range(len(space))]
    return Space(tuple(points), space.axes)


def _column(space: Space, name: str, defaults: dict[str, Any]) -> dict[int, Any]:
    """The values of an axis by the number of the point, all floats where one is a float."""
    values = {i: point[name] for i, point in enumerate(space.points) if name in point}
    if len(values) < len(space) and name in defaults:
        value = defaults[name]
        kind = next((kind for kind in (static, traced) if any(isinstance(v, kind) for v in values.values())), None)
        value = value if kind is None or isinstance(value, kind) else kind(value)
        values = {i: values.get(i, value) for i in range(len(space))}
    return dict(zip(values, floats(list(values.values())), strict=True))
