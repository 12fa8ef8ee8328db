"""Which learning rates train at all: the loss of each step while the rate rises."""

from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnn.core import checks
from jaxnn.core.precision import DEFAULT
from jaxnn.data.batches import batched
from jaxnn.data.source import read
from jaxnn.train.engine import Member, Recipe, start
from jaxnn.train.enrol import check, enrol, task_of
from jaxnn.train.optimizer import plain
from jaxnn.train.program import Program
from jaxnn.train.step import steps_key, train_step
from jaxnn.train.sums import finished, weighted
from jaxnn.train.trial import TrialLike


@dataclass(frozen=True, eq=False)
class RateCurve:
    """What `find_learning_rate` returns.

    Args:
        rates: ``(steps,)``, the learning rate of each step.
        losses: ``(steps,)``, the loss of each step's batch before its update; not finite once it diverged.
        smooth: the same, as an exponential average.

    Example:
        >>> curve = RateCurve(np.array([0.1, 1.0, 10.0]), np.array([2.0, 1.0, 5.0]), np.array([2.0, 1.0, 5.0]))
        >>> curve.largest
        1.0
    """

    rates: np.ndarray
    losses: np.ndarray
    smooth: np.ndarray

    @property
    def steepest(self) -> float:
        """The rate at which the smooth loss falls fastest over a tenth of the steps, a good one to begin with."""
        end, width = self._least, max(1, len(self.rates) // 10)
        falls = [self.smooth[i + width] - self.smooth[i] for i in range(width, end - width + 1)]
        return float(self.rates[int(np.argmin(falls)) + width + width // 2] if falls else self.rates[end])

    @property
    def largest(self) -> float:
        """The rate at which the smooth loss is least; beyond it training comes apart."""
        return float(self.rates[self._least])

    @property
    def _least(self) -> int:
        if not np.isfinite(self.smooth).any():
            raise ValueError("no loss is finite, the first one neither; look at the data and at the initial weights")
        return int(np.nanargmin(np.where(np.isfinite(self.smooth), self.smooth, np.nan)))


def find_learning_rate(
    trial: TrialLike, data: Any, hparams: dict[str, Any] | None = None, *, name: str = "lr", low: float = 1e-6,
    high: float = 10.0, steps: int = 200, batch_size: int | None = 32, seed: int = 0, shuffle_seed: int = 0,
    standardise: bool = False, precision: Any = None, smoothing: float = 0.9,
) -> RateCurve:  # fmt: skip
    """Train while the learning rate rises, ``low (high / low)^(i / (steps - 1))`` in step *i*, and keep the losses.

    Args:
        trial: a function from hyperparameters to a `Trial`; it is called anew for every step, with another rate.
        data: ``(x, y)``, ``(x, y, weight)`` or a data set.
        hparams: the other hyperparameters.
        name: of the one that is the learning rate.
        low, high: the first rate and the last, above 0.
        steps: how many, as many epochs as it takes.
        batch_size, seed, shuffle_seed, standardise, precision: as in `fit`.
        smoothing: how much the average counts the past, in [0, 1).

    Returns:
        A `RateCurve`, a loss for each step.

    Raises:
        ValueError: for data or numbers that do not fit.

    Source: Smith, "Cyclical learning rates for training neural networks", 2017, section 3.3.

    Example:
        >>> import optax, jaxnn as nn
        >>> def line(lr):
        ...     return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))
        >>> x = np.linspace(-1, 1, 64)[:, None]
        >>> curve = nn.find_learning_rate(line, (x, 2 * x[:, 0]), low=1e-3, high=100.0, steps=60)
        >>> len(curve.losses), 1e-3 < curve.steepest < curve.largest < 100
        (60, True)
    """
    call = "nn.find_learning_rate(trial, data, low=1e-6, high=10.0, steps=200)"
    checks.size("steps", steps, call)
    if not 0 < low < high < np.inf:
        raise ValueError(f"the rates need 0 < low < high, got {low} and {high}; write {call}")
    checks.rate("smoothing", smoothing, call)
    rates = np.float32(low) * np.float32(high / low) ** (np.arange(steps, dtype=np.float32) / max(1, steps - 1))
    point = {**(hparams or {}), name: float(low)}
    source = read(data, shuffle_seed=shuffle_seed, scale=standardise, task=task_of(trial, point, steps))
    entry = enrol(trial, source, {**point, "seed": seed}, epochs=steps, batch_size=batch_size, precision=precision)
    check(entry, replace(entry.trial(), stop=None), source)  # nothing stops here
    epochs = -(-steps // entry.steps_per_epoch)
    member = entry._replace(epochs=epochs).member(entry.inside)
    orders = source.orders(0, epochs, entry.shuffle)[:, 0]
    losses = np.asarray(Program(lambda *args: _losses(entry.recipe, name, *args))(member, source.data, orders, rates))
    return RateCurve(rates, losses, _smooth(losses, smoothing))


def _losses(recipe: Recipe, name: str, member: Member, data: Any, orders: Any, rates: Any) -> Any:
    member = member._replace(key=jax.random.wrap_key_data(member.key, impl="threefry2x32"))
    state, key = start(recipe, member, jax.tree.map(lambda a: a[:1], data.x)), steps_key(member.key)
    state = state._replace(metrics={})  # no epoch ends here, and a plateau has nothing to look at
    epochs = [batched(data, order, order.shape[0], recipe.batch_size) for order in orders]
    batches = jax.tree.map(lambda *a: jnp.concatenate(a)[: rates.shape[0]], *epochs)

    def one(state: Any, given: tuple) -> tuple[Any, Any]:
        batch, rate = given
        trial = recipe.built(member._replace(hparams={**member.hparams, name: (rate,)}))
        state, sums = train_step(
            trial, state, batch, batch.rows.sum(dtype=jnp.int32), key, recipe.precision or DEFAULT, plain(trial)
        )
        return state, finished(trial, weighted(trial, sums, batch.weight))["loss"]

    return jax.lax.scan(one, state, (batches, rates))[1]


def _smooth(losses: np.ndarray, smoothing: float) -> np.ndarray:
    smooth, average = np.empty(len(losses)), 0.0
    for i, loss in enumerate(losses):
        average = smoothing * average + (1 - smoothing) * float(loss)
        smooth[i] = average / (1 - smoothing ** (i + 1))
    return smooth
