"""Metrics by name and as functions, all of them as records."""

from collections.abc import Callable
from typing import Any

from jaxnn.core.activations import unknown
from jaxnn.core.layer import is_spec
from jaxnn.core.records import Loss, Metric, Missing, called
from jaxnn.core.registry import LOSSES, METRIC_ALIASES, METRICS, NEGATED, check_name, find_metric, same_origin

METRIC_ALIASES |= {
    "acc": "accuracy",
    "mae": "mean_absolute_error",
    "mse": "mean_squared_error",
    "rmse": "root_mean_squared_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_log_error",
    "r2_score": "r2",
    "auc": "roc_auc",
    "roc_auc_ovr": "roc_auc",
    "f1_score": "f1",
    "matthews_corrcoef": "matthews_correlation",
    "categorical_accuracy": "accuracy",
    "sparse_categorical_accuracy": "accuracy",
}
NEGATED |= {
    "neg_mean_squared_error": "mean_squared_error",
    "neg_mean_absolute_error": "mean_absolute_error",
    "neg_root_mean_squared_error": "root_mean_squared_error",
    "neg_median_absolute_error": "median_absolute_error",
    "neg_mean_absolute_percentage_error": "mean_absolute_percentage_error",
    "neg_mean_squared_log_error": "mean_squared_log_error",
    "neg_log_loss": "log_loss",
    "neg_brier_score": "brier_score",
}


def resolve(metric: str | Callable) -> Metric:
    """The record of a metric: by its name or that of a loss, Keras's and scikit-learn's included, or as a function.

    Args:
        metric: what a `Trial` takes. Of a bare function it is not known whether larger is better.

    Raises:
        ValueError: for an unknown name, with the closest one and all that exist, for a name that every history has,
            and for a function of one's own under the name of another metric.

    Example:
        >>> resolve("top_5"), resolve("mse"), resolve(lambda outputs, targets: outputs)
        (Metric('top_5', rises=True), Metric('mse', rises=False), Metric('<lambda>', rises=None))
    """
    if isinstance(metric, str):
        found = find_metric(metric)
        if found is None:
            unknown("metric", metric, [*sorted(METRICS), "top_5", *sorted(LOSSES)])
        return found
    if isinstance(metric, type) or not callable(metric):
        raise ValueError(f'a metric is a name or a function (outputs, targets) -> (batch,), got {metric!r}; write "r2"')
    record = metric if isinstance(metric, Metric) else _of(metric)
    check_name(record.name)
    known = find_metric(record.name)
    if known is not None and not same_origin(known, record) and not isinstance(record.rows, Missing):
        raise ValueError(
            f"a metric of your own is called {record.name!r}, as another one is; "
            f"write nn.metric(name='my_{record.name}', rises=True)({record.name}), or rises=False"
        )
    return record


def _of(function: Any) -> Metric:
    if isinstance(function, Loss):
        return Metric(function.name, function.rows, rises=False)
    if is_spec(function):
        return Metric(type(function).__name__, function, rises=False if hasattr(function, "task") else None)
    return Metric(called(function), function)


def unique(records: list[Metric]) -> tuple[Metric, ...]:
    """The records, one of each name: what is given twice counts once.

    Raises:
        ValueError: if two different ones have the same name.

    Example:
        >>> unique([resolve("r2"), resolve("r2")])
        (Metric('r2', rises=True),)
    """
    found: dict[str, Metric] = {}
    for record in records:
        known = found.setdefault(record.name, record)
        if known != record:
            raise ValueError(
                f"two metrics are called {record.name!r}; give one another name, "
                f"as in nn.metric(name='second', rises=True)(function)"
            )
    return tuple(found.values())
