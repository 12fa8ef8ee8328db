"""Losses and metrics as records: what they give per row, and what a name alone does not tell."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax.numpy as jnp

from jaxnn.core import gather
from jaxnn.core.logits import judged_in_parts

TASKS = ("classes", "binary", "sign", "values", "counts", "normal")
"""How outputs are read: logits of classes, logits of yes or no, scores whose sign decides, values as they are,
logarithms of rates, and means beside logarithms of variances."""
OF_LABELS = ("classes", "binary", "sign")
"""Those whose targets are labels of classes."""
OF_CHANCES = ("classes", "binary")
"""Those whose outputs are logits, of which probabilities can be made."""
OVER = ("mean", "moments", "rows")


@dataclass(frozen=True)
class Loss:
    """A loss: its name, its value per row, and how outputs under it become predictions.

    Args:
        name: under which it is found and saved.
        rows: ``(outputs, targets) -> (batch,)``.
        task: ``"classes"`` (logits of classes), ``"binary"`` (logits of yes or no), ``"sign"`` (scores whose sign
            decides), ``"values"``, ``"counts"`` (logarithms of rates), ``"normal"`` (means, then logarithms of
            variances), or None for unknown: outputs are then values as they are.

    Raises:
        ValueError: for a task that is none of these.

    Example:
        >>> cubic = Loss("cubic", lambda outputs, targets: jnp.abs(outputs - targets) ** 3, "values")
        >>> cubic, cubic(jnp.array([2.0]), jnp.array([4.0])).tolist()
        (Loss('cubic', task='values'), [8.0])
    """

    name: str
    rows: Callable
    task: str | None = None

    def __post_init__(self):
        if self.task not in (None, *TASKS):
            raise ValueError(f"no task is called {self.task!r}; write one of {', '.join(map(repr, TASKS))}, or None")
        _look_like(self, self.rows)

    def __repr__(self) -> str:
        return f"Loss({self.name!r}{f', task={self.task!r}' if self.task else ''})"

    def __reduce__(self) -> Any:
        return _place(self) or (Loss, (self.name, self.rows, self.task))

    def __call__(self, outputs: Any, targets: Any) -> Any:
        """One value per row."""
        return judged_in_parts(self.rows, outputs, targets)


@dataclass(frozen=True)
class Metric:
    """A metric: its name, what it gives per row, what becomes of the rows, and whether larger is better.

    Args:
        name: under which it stands in the history.
        rows: ``(outputs, targets) -> (batch, ...)``; with ``by_task`` it takes the task of the loss as a third
            argument.
        finish: from what ``over`` says to the value; None for the mean itself.
        rises: whether larger is better, or None for unknown.
        over: what ``finish`` gets of all rows of a set, each with its weight: ``"mean"``, their mean;
            ``"moments"``, their mean and their variance; ``"rows"``, all of them and their weights, ``(n, ...)`` and
            ``(n,)``, where rows of weight 0 do not count and hold zeros.
        by_task: whether outputs are read differently under different losses.

    Raises:
        ValueError: for another ``over``, or rows without a finish.

    Example:
        >>> def spread(outputs, targets):
        ...     return outputs - targets
        >>> metric = Metric("error_variance", spread, lambda mean, variance: variance, rises=False, over="moments")
        >>> float(metric.score(jnp.array([1.0, 3.0]), jnp.zeros(2)))
        1.0
    """

    name: str
    rows: Callable
    finish: Callable | None = None
    rises: bool | None = None
    over: str = "mean"
    by_task: bool = False

    def __post_init__(self):
        if self.over not in OVER:
            raise ValueError(f'a metric is over {", ".join(OVER)}, got {self.over!r}; write over="mean"')
        if self.finish is None and self.over != "mean":
            raise ValueError(
                f"the metric {self.name} is over {self.over} and has no finish; write "
                f'Metric({self.name!r}, rows, finish=function, over="{self.over}")'
            )
        _look_like(self, self.rows)

    def __repr__(self) -> str:
        return f"Metric({self.name!r}, rises={self.rises})"

    def __reduce__(self) -> Any:
        parts = self.name, self.rows, self.finish, self.rises, self.over, self.by_task
        return _place(self) or (Metric, parts)

    def __call__(self, outputs: Any, targets: Any, task: str | None = None) -> Any:
        """What it gives per row, ``(batch, ...)``, under a loss of this task."""
        rows = partial(_under, self.rows, task) if self.by_task else self.rows
        return judged_in_parts(rows, outputs, targets)

    def score(self, outputs: Any, targets: Any, weight: Any = None, task: str | None = None) -> Any:
        """The value over all of these rows.

        Args:
            outputs, targets: ``(n, ...)``.
            weight: ``(n,)``, or None for 1 each.
            task: that of the loss, where outputs are read by it.
        """
        rows = self(jnp.asarray(outputs), jnp.asarray(targets), task)
        weight = jnp.ones(rows.shape[0], rows.dtype) if weight is None else jnp.asarray(weight, rows.dtype)
        if self.over == "mean":
            return self.value(gather.means(rows, weight))
        if self.over == "moments":
            return self.value(*gather.moments(rows, weight))
        return self.value(rows, weight)

    def value(self, *gathered: Any) -> Any:
        """The value of what was gathered of all rows, as ``over`` says."""
        if self.over == "rows":
            rows, weight = gathered
            real = weight.reshape(-1, *(1,) * (rows.ndim - 1)) > 0
            gathered = jnp.where(real, rows, jnp.zeros_like(rows)), weight
        return gathered[0] if self.finish is None else self.finish(*gathered)


def _under(rows: Callable, task: str | None, outputs: Any, targets: Any) -> Any:
    return rows(outputs, targets, task)


def _look_like(record: Any, function: Any) -> None:
    """Name, place and docstring of the function on its record, for `help` and for whoever reads what a trial reads."""
    object.__setattr__(record, "__wrapped__", function)
    for name in ("__module__", "__qualname__", "__doc__"):
        if hasattr(function, name):
            object.__setattr__(record, name, getattr(function, name))
    object.__setattr__(record, "__name__", record.name)


@dataclass(frozen=True)
class Missing:
    """In the place of a function of one's own, of which a file holds the name alone.

    Args:
        kind: ``"loss"`` or ``"metric"``.
        name: its name.

    Raises:
        ValueError: when it is called, with what to write.

    Example:
        >>> Missing("loss", "mine")(jnp.zeros(2), jnp.zeros(2))
        Traceback (most recent call last):
        ValueError: the loss 'mine' is a function of one's own, which no file holds; to evaluate write nn.load(path,
            loss=mine) or nn.load_runs(folder, trial), or define it by @nn.loss before loading
    """

    kind: str
    name: str

    def __call__(self, *_: Any) -> Any:
        argument = "loss=" if self.kind == "loss" else "metrics="
        raise ValueError(
            f"the {self.kind} {self.name!r} is a function of one's own, which no file holds; to evaluate write "
            f"nn.load(path, {argument}{self.name}) or nn.load_runs(folder, trial), "
            f"or define it by @nn.{self.kind} before loading"
        )


def _place(record: Any) -> str | None:
    """Where a record stands in its module, if it does: under the name of its function, which it took the place of."""
    place = vars(record).get("__qualname__", "")
    found: Any = sys.modules.get(vars(record).get("__module__", ""))
    for name in place.split("."):
        found = getattr(found, name, None)
    return place if found is record else None


def called(function: Any) -> str:
    """The name of a function, of that inside a partial, or of the class of an object.

    Example:
        >>> called(len), called(Loss("mine", len))
        ('len', 'mine')
    """
    function = getattr(function, "func", function)
    return getattr(function, "__name__", type(function).__name__)
