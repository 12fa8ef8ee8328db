"""The loop on the host: compiled chunks of epochs, between which progress is shown."""

import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnn.core.types import Batch
from jaxnn.data.batches import epoch_orders
from jaxnn.train.program import Member, Task
from jaxnn.train.state import TrainState

with warnings.catch_warnings():  # in a notebook without ipywidgets tqdm warns and draws its bar as text, which is fine
    warnings.simplefilter("ignore")
    from tqdm.auto import tqdm

CAPACITY = 64
"""Epochs that one call of a program may do at most, and rows x epochs of its table of orders."""
ORDER_ENTRIES = 1 << 22
VISIT_SECONDS = 0.5
"""How long the device works between two visits of the host, where progress is shown."""


class Shared(NamedTuple):
    """What all members of a call share, on the device, and how their epochs are ordered."""

    data: Batch
    held: Batch | None
    shuffle_seed: int
    shuffle: bool
    sharding: Any = None

    def task(self, first: int, count: int) -> Task:
        """The work of ``count`` epochs from epoch ``first`` on; its shapes are the same for every count."""
        rows = self.data.weight.shape[0]
        capacity = max(1, min(CAPACITY, ORDER_ENTRIES // rows))
        count = min(count, capacity)
        orders = np.zeros((capacity, rows), np.int32)
        orders[:count] = epoch_orders(self.shuffle_seed, first, count, rows, self.shuffle)
        return Task(self.data, self.held, *jax.device_put((orders, np.int32(count)), self.sharding))


def member_key(seed: int) -> jax.Array:
    """The threefry key of a seed, whatever the global setting: keys of other kinds differ under vmap.

    Raises:
        ValueError: unless it is a whole number in [0, 2**32).

    Example:
        >>> bool((jax.random.key_data(member_key(3)) == jax.random.key_data(jax.random.key(3))).all())
        True
    """
    return _keys(_seed_words([seed])[0])


def member_keys(seeds: Any) -> jax.Array:
    """The keys of several seeds, ``(members,)``."""
    return _keys(_seed_words(seeds))


def _keys(words: np.ndarray) -> jax.Array:
    return jax.random.wrap_key_data(jax.device_put(words), impl="threefry2x32")


def _seed_words(seeds: Any) -> np.ndarray:
    for seed in seeds:
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**32:
            raise ValueError(f"a seed must be a whole number in [0, 2**32), got {seed!r}; write seed=0")
    return np.array([[0, seed] for seed in seeds], np.uint32)


def reading_order(name: str) -> tuple:
    """Where a metric stands in a table: training before validation, the loss first."""
    return name == "penalty", name.startswith("val_"), not name.endswith("loss"), name


def progress_bar(total: int, progress: bool, what: str) -> tqdm:
    """A bar that appears only when the work takes longer than a second."""
    return tqdm(total=total, disable=not progress, delay=1.0, desc=what, unit="epoch", leave=False)


def drive(
    train: Callable, member: Member, state: TrainState, shared: Shared, epochs: int, bar: tqdm, weight: int = 1
) -> tuple[TrainState, dict[str, np.ndarray]]:
    """Train until ``epochs`` are done or no member trains any more.

    Args:
        train: the compiled program ``(member, state, task) -> state, history``.
        member: one member, or several stacked.
        state: where to start from; its memory is taken.
        shared: the data.
        epochs: the last epoch.
        bar: what to move.
        weight: by how much one epoch moves it.

    Returns:
        The state, and the history ``(..., epochs)``, NaN where an epoch was not done.
    """
    done, pace, parts = 0, 1, []
    while done < epochs:
        task = shared.task(done, min(pace if not bar.disable else epochs, epochs - done))
        started = time.perf_counter()
        state, history = train(member, state, task)
        count = int(task.count)
        parts.append({name: np.asarray(history[name])[..., :count] for name in sorted(history, key=reading_order)})
        stopped, diverged = np.asarray(state.stopped), np.asarray(state.diverged)
        seconds = time.perf_counter() - started
        pace = max(1, int(VISIT_SECONDS * count / max(seconds, 1e-6)))
        done += count
        bar.update(count * weight)
        if (stopped | (diverged >= 0)).all():
            bar.update((epochs - done) * weight)
            break
    history = {name: np.concatenate([p[name] for p in parts], -1) for name in (parts[0] if parts else {})}
    missing = epochs - done
    if missing:
        history = {
            k: np.concatenate([v, np.full((*v.shape[:-1], missing), np.nan, v.dtype)], -1) for k, v in history.items()
        }
    return state, history
