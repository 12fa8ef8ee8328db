"""Losses and metrics by name: those of the package and those that a user defines, and which way a metric goes."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from jaxnn.core.records import Loss, Metric

LOSSES: dict[str, Loss] = {}
METRICS: dict[str, Metric] = {}
LOSS_ALIASES: dict[str, str] = {}
METRIC_ALIASES: dict[str, str] = {}
"""What Keras and scikit-learn call a loss or a metric."""
FAMILIES: dict[str, Callable[[int], Metric]] = {}
"""Metrics with a number in the name, by what stands before it: ``top_5``."""
NEGATED: dict[str, str] = {}
"""Scores of scikit-learn that are the negative of an error, and that error."""
TAKEN = ("loss", "penalty", "epochs_done", "best_epoch", "diverged_at")
"""Columns that stand in a history or a table anyway."""


def loss(*, name: str | None = None, task: str | None = None) -> Callable[[Callable], Loss]:
    """Make a loss of a function ``(outputs, targets) -> (batch,)``, from then on known by its name.

    Args:
        name: None for that of the function.
        task: how outputs under it become predictions, as `Loss` lists it; None leaves them as they are.

    Returns:
        A decorator, whose result is a `Loss`, called like the function.

    Raises:
        ValueError: for a name that another loss has; the same definition, run again, replaces itself.

    Example:
        >>> import jax, optax, jaxnn as nn
        >>> @nn.loss(task="classes")
        ... def plain_cross_entropy(logits, labels):
        ...     return -jax.nn.log_softmax(logits)[jax.numpy.arange(len(labels)), labels]
        >>> nn.Trial(nn.mlp((8,), out=3), "plain_cross_entropy", optax.adam(1e-3)).metric_names
        ('accuracy',)
    """

    def make(function: Callable) -> Loss:
        return define(LOSSES, Loss(name or _name_of(function, "loss", "task='values'"), function, task))

    return make


def metric(
    *, rises: bool, name: str | None = None, finish: Callable | None = None, over: str = "mean", by_task: bool = False
) -> Callable[[Callable], Metric]:
    """Make a metric of a function ``(outputs, targets) -> (batch, ...)``, from then on known by its name.

    Args:
        rises: whether larger is better.
        name: None for that of the function.
        finish, over, by_task: as `Metric` says, for what is no mean over rows.

    Returns:
        A decorator, whose result is a `Metric`, called like the function.

    Raises:
        ValueError: for a name that another metric or loss has, or that stands in every history; the same definition,
            run again, replaces itself.

    Example:
        >>> import jax.numpy as jnp, optax, jaxnn as nn
        >>> @nn.metric(rises=True)
        ... def within_one(outputs, targets):
        ...     return (abs(outputs[:, 0] - targets) < 1).astype("float32")
        >>> nn.Trial(nn.Dense(1), "squared_error", optax.sgd(0.1), metrics=("within_one",)).directions["val_within_one"]
        True
        >>> float(within_one.score(jnp.array([[1.0], [5.0]]), jnp.zeros(2)))
        0.0
    """

    def make(function: Callable) -> Metric:
        own = name or _name_of(function, "metric", f"rises={rises}")
        check_name(own)
        if own in LOSSES or own in METRIC_ALIASES:
            raise ValueError(f"{own!r} names a loss or a metric; write nn.metric(name='my_{own}', rises={rises})")
        return define(METRICS, Metric(own, function, finish, rises, over, by_task))

    return make


def _name_of(function: Any, kind: str, words: str) -> str:
    found = getattr(function, "__name__", None)
    if found is None or not found.isidentifier():
        raise ValueError(f"a {kind} needs a name, and {function!r} has none; write nn.{kind}(name='mine', {words})(f)")
    return found


def check_name(name: str) -> None:
    """Raise for a name that a history or a table has anyway."""
    if name in TAKEN or name.startswith("val_"):
        raise ValueError(
            f"a metric cannot be called {name!r}, which stands in every history or table; "
            f"write nn.metric(name='my_{name}', rises=True)(f)"
        )


def define(table: dict, record: Any) -> Any:
    """Put a record into its table; the same definition, run again, replaces itself."""
    known = table.get(record.name)
    if known is not None and not same_origin(known, record):
        kind = type(record).__name__.lower()
        raise ValueError(
            f"a {kind} called {record.name!r} is defined in {_origin(known.rows)[0]}; "
            f"give the new one another name, as in nn.{kind}(name='my_{record.name}', ...)(f)"
        )
    table[record.name] = record
    return record


def same_origin(a: Any, b: Any) -> bool:
    """Whether two records are of one definition: a module and a name in it."""
    return _origin(a.rows) == _origin(b.rows)


def _origin(function: Any) -> tuple[str, str]:
    function = getattr(function, "func", function)
    function = getattr(function, "__wrapped__", function)
    return function.__module__, getattr(function, "__qualname__", type(function).__qualname__)


def find_loss(name: str) -> Loss | None:
    """The loss of a name or of an alias, or None."""
    return LOSSES.get(name) or LOSSES.get(LOSS_ALIASES.get(name, ""))


def find_metric(name: str) -> Metric | None:
    """The metric of a name, under that name: one of the table, of a family, an alias, or a loss as a metric; or None.

    Raises:
        ValueError: for a score of scikit-learn that is the negative of an error, with the error.

    Example:
        >>> import jaxnn
        >>> find_metric("mse"), find_metric("top_3"), find_metric("hinge"), find_metric("unheard of")
        (Metric('mse', rises=False), Metric('top_3', rises=True), Metric('hinge', rises=False), None)
    """
    if name in NEGATED:
        raise ValueError(
            f"{name!r} is the negative of an error, so that larger is better; here each metric says itself which way "
            f'is better: write "{NEGATED[name]}"'
        )
    own = name if name in METRICS else METRIC_ALIASES.get(name) or LOSS_ALIASES.get(name, name)
    for family, make in FAMILIES.items():
        number = own.removeprefix(family)
        if own.startswith(family) and number.isdecimal() and int(number) > 0:
            return replace(make(int(number)), name=name)
    found = METRICS.get(own)
    if found is None and own in LOSSES:
        found = Metric(own, LOSSES[own].rows, rises=False)
    return found if found is None or found.name == name else replace(found, name=name)


def rises(name: str) -> bool | None:
    """Whether larger values of a column of a history are better; None where nobody said.

    Example:
        >>> import jaxnn
        >>> rises("val_accuracy"), rises("val_loss"), rises("val_unheard_of")
        (True, False, None)
    """
    name = name.removeprefix("val_")
    if name in ("loss", "penalty"):
        return False
    found = find_metric(name)
    return None if found is None else found.rises


def usual(names: Collection[str]) -> str:
    """The column that one goes by unless told: validation accuracy, validation loss or loss, the first there is.

    Example:
        >>> usual(["loss", "accuracy", "val_loss", "val_accuracy"]), usual(["loss", "accuracy"])
        ('val_accuracy', 'loss')
    """
    return next((name for name in ("val_accuracy", "val_loss", "loss") if name in names), next(iter(names)))


def is_better_larger(name: str, mode: str | None, call: str, known: Mapping[str, bool | None] = {}) -> bool:
    """Whether larger values of a column are better.

    Args:
        name: of the column.
        mode: ``"min"`` or ``"max"``, where the user said so, or None.
        call: what to write instead, without its last bracket.
        known: directions by name, that of the table first.

    Raises:
        ValueError: for another mode, and where nobody said which way is better.

    Example:
        >>> is_better_larger("gain", None, 'runs.best("gain"')
        Traceback (most recent call last):
        ValueError: whether a larger gain is better is not known; write runs.best("gain", mode="max") or mode="min", or
            define the metric by @nn.metric(rises=True)
    """
    if mode not in (None, "min", "max"):
        raise ValueError(f'mode must be "min", "max" or None, got {mode!r}; write {call}, mode="min")')
    if mode is not None:
        return mode == "max"
    way = known[name] if name in known else rises(name)
    if way is None:
        raise ValueError(
            f"whether a larger {name} is better is not known; "
            f'write {call}, mode="max") or mode="min", or define the metric by @nn.metric(rises=True)'
        )
    return way
