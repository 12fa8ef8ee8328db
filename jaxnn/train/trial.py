"""A trial: a function from hyperparameters to a model, a loss and an optimizer."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple, TypeAlias

from jaxnn import losses, metrics
from jaxnn.core.layer import is_spec

OWN = ("seed", "batch_size", "epochs", "fold")
"""Axes of the engine's own; all others are arguments of the trial function."""


def arguments(point: Mapping[str, Any]) -> dict[str, Any]:
    """What of a point the trial function takes: all but the engine's own axes.

    Example:
        >>> arguments({"lr": 0.1, "seed": 3})
        {'lr': 0.1}
    """
    return {name: value for name, value in point.items() if name not in OWN}


@dataclass(frozen=True, eq=False)
class Trial:
    """What one set of hyperparameters trains.

    Args:
        model: a spec.
        loss: a name or a function ``(outputs, targets) -> (batch,)``.
        optimizer: any `optax.GradientTransformation`.
        metrics: names or functions ``(outputs, targets) -> (batch,)``; for class labels, accuracy comes by itself.
        stop: an `EarlyStopping`, where its settings are hyperparameters too; else give ``stop=`` to `fit` or `grid`.
        augment: a function ``(key, batch) -> batch`` of each step's rows, as `Mixup` is; never used in evaluation.
            What changes inputs alone is a layer: `RandomFlip`, `RandomCrop`, `GaussianNoise`.

    Raises:
        TypeError: if the model is no spec or the optimizer no transformation.
        ValueError: for an unknown name.

    Example:
        >>> import optax, jaxnn as nn
        >>> def digits(lr, l2):
        ...     return nn.Trial(nn.mlp((32,), out=10), "softmax_cross_entropy", optax.chain(nn.l2(l2), optax.adam(lr)))
        >>> digits(1e-3, 0.0).metric_names
        ('accuracy',)
    """

    model: Any
    loss: str | Callable
    optimizer: Any
    metrics: tuple = ()
    stop: Any = None
    augment: Callable | None = None
    read_as: ClassVar[str] = "trial"

    def __post_init__(self):
        call = 'Trial(nn.mlp((32,), out=10), "softmax_cross_entropy", optax.adam(1e-3))'
        if not is_spec(self.model):
            raise TypeError(f"the model of a Trial must be a spec, got {self.model!r}; write {call}")
        if not (hasattr(self.optimizer, "init") and hasattr(self.optimizer, "update")):
            raise TypeError(f"the optimizer of a Trial must be of Optax, got {self.optimizer!r}; write {call}")
        if self.stop is not None and not hasattr(self.stop, "observe"):
            raise TypeError(f'stop must be an EarlyStopping, got {self.stop!r}; write nn.EarlyStopping("val_loss", 10)')
        if self.augment is not None and not callable(self.augment):
            raise TypeError(f"augment must be (key, batch) -> batch, got {self.augment!r}; write augment=nn.Mixup(0.2)")
        object.__setattr__(self, "metrics", tuple([self.metrics] if isinstance(self.metrics, str) else self.metrics))
        losses.resolve(self.loss)
        self.metric_functions

    @property
    def loss_function(self) -> Callable:
        """The loss as a function."""
        return losses.resolve(self.loss)

    @property
    def task(self) -> str:
        """How outputs become predictions; see `jaxnn.losses.task_of`."""
        return losses.task_of(self.loss)

    @property
    def metric_functions(self) -> dict[str, Callable]:
        """The metrics by name, accuracy among them where the targets are classes."""
        given = dict(metrics.resolve(m) for m in self.metrics)
        default = {} if self.task == "values" else {"accuracy": metrics.accuracy}
        return {**default, **given}

    @property
    def metric_names(self) -> tuple[str, ...]:
        """The names under which the metrics stand in the history."""
        return tuple(self.metric_functions)

    @property
    def update(self) -> Callable:
        """The optimizer's update, which takes any extra argument whether it uses it or not."""
        update = self.optimizer.update
        parameters = inspect.signature(update).parameters.values()
        if any(p.kind is p.VAR_KEYWORD for p in parameters):
            return update
        known = {p.name for p in parameters}
        return lambda *args, **extra: update(*args, **{name: v for name, v in extra.items() if name in known})

    def stopping(self, stop: Any) -> "Trial":
        """The trial with this early stopping, or as it is for None.

        Raises:
            ValueError: if it has one of its own.
        """
        if stop is None:
            return self
        if self.stop is not None:
            raise ValueError(
                "the trial has a stop of its own, and stop= gives another; write one of the two, in the Trial where "
                "its settings are hyperparameters"
            )
        return replace(self, stop=stop)


TrialLike: TypeAlias = Trial | Callable[..., Trial]


class Clock(NamedTuple):
    """How long a training takes, for trial functions with an argument ``clock``: schedules need it.

    Args:
        steps_per_epoch: optimizer steps of one pass over the data, int.
        epochs: epochs at most, int; an array where ``epochs`` is an axis.
        steps: both multiplied, int or array.

    Example:
        >>> Clock(45, 10, 450).steps
        450
    """

    steps_per_epoch: Any
    epochs: Any
    steps: Any


def build(trial: TrialLike, hparams: Mapping[str, Any], clock: Callable[[], Clock] | None = None) -> Trial:
    """The `Trial` of these hyperparameters; a `Trial` itself takes none.

    Args:
        trial: a `Trial`, or a function that returns one.
        hparams: its arguments.
        clock: makes the `Clock` for a function that has an argument of that name.

    Raises:
        TypeError: if the function returns anything else.

    Example:
        >>> import optax, jaxnn as nn
        >>> build(lambda lr: nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr)), {"lr": 0.1}).loss
        'squared_error'
    """
    if isinstance(trial, Trial):
        return trial
    if "clock" in _parameters(trial) and clock is not None:
        hparams = {**hparams, "clock": clock()}
    built = trial(**hparams)
    if not isinstance(built, Trial):
        raise TypeError(
            f"a trial function must return a Trial, got {built!r}; write return nn.Trial(model, loss, optimizer)"
        )
    return built


def _parameters(trial: Callable) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(trial).parameters


def check_names(trial: TrialLike, names: Iterable[str]) -> None:
    """Raise unless the trial function takes exactly these hyperparameters.

    Raises:
        ValueError: for an unknown or a missing hyperparameter, with the ones there are, and for a function that names
            an argument as the engine names its own.
    """
    names = tuple(names)
    if isinstance(trial, Trial):
        if names:
            raise ValueError(
                f"a Trial has no hyperparameter {sorted(names)[0]!r}; write a function def trial({sorted(names)[0]}) "
                "that returns the Trial"
            )
        return
    if not callable(trial):
        raise ValueError(f"a trial is a Trial or a function that returns one, got {trial!r}; write fit(trial, (x, y))")
    parameters = [p for p in _parameters(trial).values() if p.name != "clock"]
    known = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    for name in known:
        if name in OWN:
            raise ValueError(
                f"the trial has an argument {name!r}, which is the engine's own and never reaches it; "
                f"rename it, or write def trial(..., clock) and read clock.epochs or clock.steps_per_epoch"
            )
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        for name in names:
            if name not in known:
                raise ValueError(
                    f"the trial has no hyperparameter {name!r}; it takes {', '.join(known) or 'none'}: "
                    f"write one of these, or add {name} to its arguments"
                )
    for p in parameters:
        if p.default is p.empty and p.name in known and p.name not in names:
            raise ValueError(f"the hyperparameter {p.name!r} has no value; write dict({p.name}=..., ...)")
