"""A trial: a function from hyperparameters to a model, a loss and an optimizer."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple, TypeAlias

from jaxnn import losses, metrics
from jaxnn.core.layer import is_spec
from jaxnn.core.records import OF_LABELS
from jaxnn.core.registry import is_better_larger, rises
from jaxnn.core.types import Layer, PerExample, Transformation
from jaxnn.metrics.names import unique
from jaxnn.train.heads import Head, given, is_node, leaves, mapped
from jaxnn.train.options import PARTS

OWN = ("seed", "batch_size", "epochs", *PARTS)
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
        loss: a name, a function ``(outputs, targets) -> (batch,)``, or what `jaxnn.loss` made of one. For a model with
            several outputs a dict or tuple of these like its outputs, and the targets are such a tree too; the loss is
            then the sum over them. A function by itself gets the whole trees.
        optimizer: any `optax.GradientTransformation`.
        metrics: names or functions ``(outputs, targets) -> (batch,)``, or what `jaxnn.metric` made of them; for class
            labels, accuracy comes by itself. With several losses by output, ``{"cls": "accuracy"}``.
        stop: an `EarlyStopping`, where its settings are hyperparameters too; else give ``stop=`` to `fit` or `grid`.
        loss_weights: what each of several losses is multiplied with, by output, 1 where nothing is said; traced.
        class_weight: ``"balanced"`` or a dict from class numbers or names to weights, 1 where nothing is said; traced.
            With several losses by output. ``"balanced"`` is ``n / (k n_c)`` for the ``n_c`` of ``n`` training rows that
            are of class *c* of ``k``, weights of rows included, as in scikit-learn. It weighs the loss of training, and
            the ``loss`` that is reported of it, as in Keras; metrics and all of validation are not weighed by it.
        augment: a function ``(key, batch) -> batch`` of each step's rows, as `Mixup` is; never used in evaluation.
            What changes inputs alone is a layer: `RandomFlip`, `RandomCrop`, `GaussianNoise`.

    Sequences:
        Steps count one by one where they have weights, ``fit(trial, (x, y, weight))`` with ``weight (rows, steps)``,
        where the model hands on a mask, ``fit(trial, ((x, mask), y))``, or where a label is ignored,
        `jaxnn.losses.ignoring`. The loss of a batch is then the weighted sum over its steps, divided by the number of
        steps that are there (whose weight or mask is not 0 and whose label is not ignored), as under PyTorch's
        ``ignore_index`` and Keras's masks. Metrics see the same steps. Without any of these, the loss of a row is the
        mean over its steps.

    Raises:
        TypeError: if the model is no spec or the optimizer no transformation.
        ValueError: for an unknown name, two metrics of one name, a stop of which nobody said which way is better, and
            what is given by output for one that is not there.

    Example:
        >>> import optax, jaxnn as nn
        >>> def digits(lr, l2):
        ...     return nn.Trial(nn.mlp((32,), out=10), "softmax_cross_entropy", optax.chain(nn.l2(l2), optax.adam(lr)))
        >>> digits(1e-3, 0.0).metric_names
        ('accuracy',)
        >>> def two_heads(lr, share):
        ...     heads = nn.Graph(("cls", nn.Dense(3), "x"), ("reg", nn.Dense(1), "x"), outputs=("cls", "reg"))
        ...     loss = {"cls": "softmax_cross_entropy", "reg": "squared_error"}
        ...     return nn.Trial(nn.Sequential(nn.Dense(32, "relu"), heads), loss, optax.adam(lr),
        ...                     loss_weights={"reg": share})
        >>> two_heads(1e-3, 0.3).metric_names
        ('cls_loss', 'reg_loss', 'cls_accuracy')
    """

    model: Layer
    loss: "str | PerExample | Mapping[str, Any] | tuple | list"
    optimizer: Transformation
    metrics: Any = ()
    stop: Any = None
    loss_weights: Any = None
    class_weight: Any = None
    augment: Callable | None = None
    read_as: ClassVar[str] = "trial"

    def __post_init__(self):
        call = 'Trial(nn.mlp((32,), out=10), "softmax_cross_entropy", optax.adam(1e-3))'
        if not is_spec(self.model):
            raise TypeError(f"the model of a Trial must be a spec, got {_itself(self.model)}; write {call}")
        if not (hasattr(self.optimizer, "init") and hasattr(self.optimizer, "update")):
            raise TypeError(f"the optimizer of a Trial must be of Optax, got {_itself(self.optimizer)}; write {call}")
        if self.stop is not None and (isinstance(self.stop, type) or not hasattr(self.stop, "observe")):
            raise TypeError(f'stop must be an EarlyStopping, got {self.stop!r}; write nn.EarlyStopping("val_loss", 10)')
        if self.augment is not None and not callable(self.augment):
            raise TypeError(f"augment must be (key, batch) -> batch, got {self.augment!r}; write augment=nn.Mixup(0.2)")
        if not is_node(self.loss):
            object.__setattr__(self, "metrics", _tuple(self.metrics))
        _check_columns(self.metric_names)
        if self.stop is not None and getattr(self.stop, "mode", "min") is None:
            object.__setattr__(self, "stop", self._directed(self.stop))

    def _directed(self, stop: Any) -> Any:
        """The stop, its mode filled in where only this trial knows which way its metric is better."""
        known = self.directions
        if stop.metric not in known:
            raise ValueError(
                f"early stopping looks at {stop.metric!r}, and the history has {', '.join(known)}; write one of these"
            )
        way = is_better_larger(stop.metric, None, f'nn.EarlyStopping("{stop.metric}"', known)
        return stop if way == rises(stop.metric) else replace(stop, mode="max" if way else "min")

    @property
    def heads(self) -> tuple[Head, ...]:
        """The losses, each with all that goes with it: one, or one for each output."""
        found = dict(leaves(self.loss))
        paths, call = list(found), "Trial(model, {'cls': ..., 'reg': ...}, optimizer, %s)"
        if self.loss_weights is not None and paths == [()]:
            raise ValueError(f"loss_weights goes by output, and there is one loss; write {call % '...'}")
        own = given("metrics", self.metrics or None, paths, (), call % "metrics={'cls': 'accuracy'}")
        shares = given("loss_weights", self.loss_weights, paths, 1.0, call % "loss_weights={'reg': 0.3}")
        weights = given("class_weight", self.class_weight, paths, None, call % "class_weight={'cls': 'balanced'}")
        if not all(isinstance(share, (int, float)) or hasattr(share, "dtype") for share in shares):
            raise ValueError(f"loss_weights must be numbers, got {self.loss_weights!r}")
        rows = zip(paths, found.values(), own, shares, weights, strict=True)
        return tuple(_head(*row) for row in rows)

    @property
    def task(self) -> Any:
        """How outputs become predictions, as `Loss` lists it; None where nobody said; a tree where losses are one."""
        return mapped(lambda leaf: losses.resolve(leaf).task, self.loss)

    @property
    def metric_names(self) -> tuple[str, ...]:
        """The names under which the metrics, and the losses of several outputs, stand in the history."""
        heads = self.heads
        own = [head.called("loss") for head in heads if head.path]
        return (*own, *(head.called(m.name) for head in heads for m in head.metrics))

    @property
    def directions(self) -> dict[str, bool | None]:
        """Whether larger is better, by the columns that the history may have; None where nobody said."""
        known: dict[str, bool | None] = {"loss": False, "penalty": False}
        for head in self.heads:
            known |= {head.called("loss"): False} | {head.called(m.name): m.rises for m in head.metrics}
        return known | {f"val_{name}": way for name, way in known.items() if name != "penalty"}

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


def _head(path: tuple, loss: Any, own: Any, share: Any, class_weight: Any) -> Head:
    record = losses.resolve(loss)
    default = [metrics.accuracy] if record.task in OF_LABELS else []
    return Head(path, record, unique([*default, *map(metrics.resolve, _tuple(own))]), share, class_weight)


def _itself(given: Any) -> str:
    """What was given, in words: a class or a function where what it makes was meant, a list of layers, or a value."""
    if isinstance(given, (list, tuple)):
        return f"{given!r}, which nn.Sequential(*layers) makes one"
    if callable(given) and hasattr(given, "__name__"):
        return f"{given.__name__} itself, and not what {given.__name__}(...) makes"
    return repr(given)


def _tuple(names: Any) -> tuple:
    return tuple(names) if isinstance(names, (tuple, list)) else (names,)


def _check_columns(names: tuple[str, ...]) -> None:
    """Raise unless every output and metric has a column of its own."""
    columns = ["loss", "penalty", *names]
    columns += [f"val_{name}" for name in columns]
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if twice is not None:
        raise ValueError(
            f"two columns of the history would be called {twice!r}; give an output or a metric another name"
        )


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
        call = 'nn.Trial(model, "squared_error", optax.adam(1e-3))' if is_spec(trial) else "fit(trial, (x, y))"
        raise ValueError(f"a trial is a Trial or a function that returns one, got {trial!r}; write {call}")
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
