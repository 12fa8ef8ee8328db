"""scikit-learn's networks as a trial function: from its hyperparameters to a model, a loss and a solver."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from jaxnn.core.types import Params
from jaxnn.layers.combine import Sequential
from jaxnn.layers.dense import Dense
from jaxnn.layers.dropout import Dropout
from jaxnn.optim.second_order import lbfgs
from jaxnn.sklearn.iteration import Iteration
from jaxnn.sklearn.objective import LOSSES, SCORES, Penalised, by_weight, reported_error
from jaxnn.sklearn.solvers import adam, sgd
from jaxnn.train.trial import Trial

NAMES = {"logistic": "sigmoid", "identity": None}
"""scikit-learn's names of activations, where ours are others."""


def network(
    hidden: tuple[int, ...], outputs: int, kind: str, activation: Any, solver: str, schedule: str, nesterov: bool,
    early: bool, optimizer: Callable | None, alpha: Any, l1: Any, dropout: Any, rate: Any, power_t: Any, momentum: Any,
    beta_1: Any, beta_2: Any, epsilon: Any, stopping: dict[str, Any],
) -> Trial:  # fmt: skip
    """The trial of these hyperparameters: floats are traced, the rest is structure.

    Args:
        hidden, outputs: widths.
        kind: what the outputs are, a key of `jaxnn.sklearn.objective.LOSSES`.
        activation, solver, schedule, nesterov, early: as scikit-learn has them.
        optimizer: from a learning rate to a transformation of Optax, in the place of the solver, or None.
        alpha, l1, dropout: regularisation; a dropout of None is none.
        rate, power_t, momentum, beta_1, beta_2, epsilon: of the solver.
        stopping: further numbers of an `Iteration`.
    """
    bend = NAMES.get(activation, activation) if isinstance(activation, str) else activation
    layers: list[Any] = []
    for width in hidden:
        layers += [Dense(width, bend), *([] if dropout is None else [Dropout(dropout)])]
    model = Penalised(Sequential(*layers, Dense(outputs)), alpha, l1)
    if optimizer is not None:
        chosen = optimizer(rate)
    elif solver == "lbfgs":
        chosen = lbfgs()
    else:
        chosen = adam(rate, beta_1, beta_2, epsilon) if solver == "adam" else sgd(rate, momentum, nesterov)
    loss = reported_error if kind == "values" and outputs > 1 and solver != "lbfgs" else LOSSES[kind]
    early = early and solver != "lbfgs"
    watched = "lbfgs" if solver == "lbfgs" else "val_score" if early else "loss"
    stop = Iteration(watched, schedule, rate=rate, power_t=power_t, **stopping)
    return Trial(model, loss, chosen, (SCORES[kind],) if early else (), stop, augment=by_weight)


def drawn(sizes: Sequence[int], activation: Any, random: np.random.RandomState, dtype: Any) -> Params:
    """Weights as scikit-learn draws them: kernel, then bias, of each layer, uniform by Glorot and Bengio.

    Args:
        sizes: of the inputs, the hidden layers and the outputs.
        activation: decides the bound.
        random: what draws.
        dtype: of the weights.

    Example:
        >>> {name: p["kernel"].shape for name, p in drawn((3, 5, 1), "relu", np.random.RandomState(0), "f4").items()}
        {'dense_0': (3, 5), 'dense_1': (5, 1)}
    """
    params = {}
    for i, (before, after) in enumerate(itertools.pairwise(sizes)):
        bound = np.sqrt((2.0 if activation == "logistic" else 6.0) / (before + after))
        kernel = random.uniform(-bound, bound, (before, after)).astype(dtype)
        params[f"dense_{i}"] = {"kernel": kernel, "bias": random.uniform(-bound, bound, after).astype(dtype)}
    return params
