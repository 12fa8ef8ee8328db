"""A trial: a function from hyperparameters to a model, a loss and an optimizer."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxnn import losses, metrics
from jaxnn.core.layer import is_spec


@dataclass(frozen=True, eq=False)
class Trial:
    """What one set of hyperparameters trains.

    Args:
        model: a spec.
        loss: a name or a function ``(outputs, targets) -> (batch,)``.
        optimizer: any `optax.GradientTransformation`.
        metrics: names or functions ``(outputs, targets) -> (batch,)``; for class labels, accuracy comes by itself.
        stop: an `EarlyStopping`, where its settings are hyperparameters too; else give ``stop=`` to `fit` or `grid`.

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

    def __post_init__(self):
        call = 'Trial(nn.mlp((32,), out=10), "softmax_cross_entropy", optax.adam(1e-3))'
        if not is_spec(self.model):
            raise TypeError(f"the model of a Trial must be a spec, got {self.model!r}; write {call}")
        if not (hasattr(self.optimizer, "init") and hasattr(self.optimizer, "update")):
            raise TypeError(f"the optimizer of a Trial must be of Optax, got {self.optimizer!r}; write {call}")
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
        """The optimizer's update, which takes ``value=``, ``grad=`` and ``value_fn=`` whether it uses them or not."""
        return optax.with_extra_args_support(self.optimizer).update


TrialLike: TypeAlias = Trial | Callable[..., Trial]


@dataclass(frozen=True)
class traced:
    """Whole numbers that shape nothing, to ride inside the program: a warm-up length, a patience.

    Args:
        values: one whole number for `fit`, a sequence of them for an axis of `grid`.

    Example:
        >>> traced([3, 10, 30])
        traced(values=[3, 10, 30])
    """

    values: Any


def build(trial: TrialLike, hparams: Mapping[str, Any]) -> Trial:
    """The `Trial` of these hyperparameters; a `Trial` itself takes none.

    Raises:
        TypeError: if the function returns anything else.

    Example:
        >>> import optax, jaxnn as nn
        >>> build(lambda lr: nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr)), {"lr": 0.1}).loss
        'squared_error'
    """
    if isinstance(trial, Trial):
        return trial
    built = trial(**hparams)
    if not isinstance(built, Trial):
        raise TypeError(
            f"a trial function must return a Trial, got {built!r}; write return nn.Trial(model, loss, optimizer)"
        )
    return built


def check_names(trial: TrialLike, names: Any) -> None:
    """Raise unless the trial function takes exactly these hyperparameters.

    Raises:
        ValueError: for an unknown or a missing hyperparameter, with the ones there are.
    """
    if isinstance(trial, Trial):
        if names:
            raise ValueError(
                f"a Trial has no hyperparameter {sorted(names)[0]!r}; write a function def trial({sorted(names)[0]}) "
                "that returns the Trial"
            )
        return
    if not callable(trial):
        raise ValueError(f"a trial is a Trial or a function that returns one, got {trial!r}; write fit(trial, (x, y))")
    parameters = inspect.signature(trial).parameters.values()
    known = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
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


def split_hparams(hparams: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], tuple[tuple[str, Any], ...]]:
    """Sort hyperparameters into what is traced and what is structure.

    Floats, arrays of floats and what is wrapped in `traced` become arrays, inputs of the program; everything
    else is structure, hashable and sorted by name.

    Returns:
        A dict of arrays, and a tuple of (name, value) pairs.

    Raises:
        ValueError: for a value that is neither.

    Example:
        >>> split_hparams({"lr": 0.5, "hidden": [8, 8]})
        ({'lr': array(0.5, dtype=float32)}, (('hidden', (8, 8)),))
    """
    inside, structure = {}, []
    for name, value in sorted(hparams.items()):
        if isinstance(value, traced):
            inside[name] = _number(name, value.values)
        elif is_traced(value):
            inside[name] = _number(name, value)
        else:
            structure.append((name, _hashable(name, value)))
    return inside, tuple(structure)


def is_traced(value: Any) -> bool:
    """Whether a hyperparameter rides inside the program by itself: a float, or an array of floats."""
    return isinstance(value, (float, traced)) or (
        hasattr(value, "dtype") and hasattr(value, "shape") and jnp.issubdtype(value.dtype, jnp.floating)
    )


def _number(name: str, value: Any) -> np.ndarray:
    if hasattr(value, "aval"):
        return value
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"the hyperparameter {name} is {value!r}, no number; write {name}=nn.traced(3)")
    return array.astype(jax.dtypes.canonicalize_dtype(float if array.dtype.kind == "f" else int))


def _hashable(name: str, value: Any) -> Any:
    if isinstance(value, list):
        value = tuple(_hashable(name, v) for v in value)
    if isinstance(value, np.generic):
        value = value.item()
    try:
        hash(value)
    except TypeError:
        raise ValueError(
            f"the hyperparameter {name} is {value!r}, which cannot be structure; write a number, a string, a tuple "
            "or a function"
        ) from None
    return value
