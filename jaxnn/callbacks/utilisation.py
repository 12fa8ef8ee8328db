"""How busy the devices are while a training runs: rows and tokens a second, and the share of the peak."""

import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnn.core.devices import device
from jaxnn.inspect.flops import flops
from jaxnn.train.step import init, step


class Work(NamedTuple):
    """What training takes.

    Args:
        row: operations of one row, forward and backward, without recomputation.
        step: operations of a step, whatever it computes again and pads.
        tokens: of a row, or None where rows are not ids.
    """

    row: float
    step: float
    tokens: int | None


class utilisation:
    """Measure rows and tokens a second, and the share of the devices' peak, between the calls of a training.

    MFU counts what the model asks for, three forward passes of each real row (less what the first layer's inputs need
    no gradient for); HFU what the devices do, padded rows and recomputation too. Only the time in which the training
    runs counts, not that of compiling or of other callbacks. After a resumed training, or behind `every`, the first
    call only starts the clock.

    Args:
        peak: operations per second of one device; None for that of the table of known devices, for products in 16 bits.
        tell: called with a line after each reading, such as ``print``; None for nothing.

    Raises:
        ValueError: for a device that the table does not know, without ``peak``.

    Source: Chowdhery et al., "PaLM: scaling language modeling with pathways", 2022, appendix B.

    Example:
        >>> import numpy as np, optax, jaxnn as nn
        >>> trial = nn.Trial(nn.mlp((16,), out=1), "squared_error", optax.adam(1e-3))
        >>> meter = nn.callbacks.utilisation(peak=50e9)
        >>> run = nn.fit(trial, (np.ones((64, 4)), np.ones(64)), epochs=2, callbacks=[meter])
        >>> list(meter.table), meter.table["epoch"], 0 < meter.table["mfu"][-1] < 1
        (['epoch', 'rows_per_second', 'tokens_per_second', 'flops_per_second', 'mfu', 'hfu'], [1, 2], True)
    """

    def __init__(self, peak: float | None = None, tell: Callable[[str], Any] | None = None):
        if peak is None:
            _peak(jax.local_devices()[0])
        elif not peak > 0:
            raise ValueError(f"peak must be above 0, got {peak!r}; write utilisation(peak=312e12)")
        self.peak, self.tell = peak, tell
        columns = ("epoch", "rows_per_second", "tokens_per_second", "flops_per_second", "mfu", "hfu")
        self.table: dict[str, list] = {name: [] for name in columns}
        self._work: weakref.WeakKeyDictionary[Any, Work] = weakref.WeakKeyDictionary()
        self._before: weakref.WeakKeyDictionary[Any, tuple[int, float, int]] = weakref.WeakKeyDictionary()

    def __call__(self, population: Any, epoch: int, row: dict[str, Any]) -> None:
        """Read the clock."""
        since, ran, before = self._before.get(population, (0, 0.0, 0) if epoch == 1 else (epoch, 0.0, 0))
        seconds, now = population.timing["run"] - ran, _steps(population)
        self._before[population] = epoch, population.timing["run"], now
        if since >= epoch or seconds <= 0:
            return
        if population not in self._work:
            self._work[population] = work_of(population)
        work, devices = self._work[population], _devices(population)
        rows, steps = trained(population, since, epoch, now - before)
        most = seconds * sum(_peak(d) if self.peak is None else self.peak for d in devices)
        done = rows * work.row
        tokens = None if work.tokens is None else rows * work.tokens / seconds
        reading = (epoch, rows / seconds, tokens, done / seconds, done / most, steps * work.step / most)
        for column, value in zip(self.table.values(), reading, strict=True):
            column.append(value)
        if self.tell is not None:
            self.tell(str(self))

    def __str__(self) -> str:
        """The last reading in a line."""
        last = {name: column[-1] for name, column in self.table.items() if column}
        if not last:
            return "nothing measured yet"
        tokens = "" if last["tokens_per_second"] is None else f", {last['tokens_per_second']:,.0f} tokens/s"
        return (
            f"epoch {last['epoch']}: {last['rows_per_second']:,.0f} rows/s{tokens}, "
            f"{last['flops_per_second'] / 1e12:,.3g} teraFLOP/s, MFU {100 * last['mfu']:.3g}, "
            f"HFU {100 * last['hfu']:.3g} percent"
        )


def work_of(population: Any) -> Work:
    """What a row and a step of a population take, counted in the traced programs.

    Args:
        population: of one structure.

    Returns:
        A `Work`.
    """
    size, source = population.recipe.batch_size, population.source
    trial = population.entries[0].trial()
    batch = jax.tree.map(lambda a: jax.ShapeDtypeStruct((size, *a.shape[1:]), a.dtype), tuple(source.data[:2]))
    key = jax.eval_shape(lambda: jax.random.key(0, impl="threefry2x32"))
    state = jax.eval_shape(lambda k, x: init(trial, k, x), key, batch[0])
    apply = lambda p, s, x, k: trial.model.apply(p, s, x, key=k, train=True)[0]  # noqa: E731
    forward = flops(apply, state.params, state.model_state, batch[0], key)
    whole = flops(lambda s, b, k: step(trial, s, b, key=k), state, batch, key)
    ids = [a for a in jax.tree.leaves(batch[0]) if a.ndim == 2 and np.issubdtype(a.dtype, np.integer)]
    return Work(min(3 * forward, whole) / size, whole, ids[0].shape[1] if len(ids) == 1 else None)


def trained(population: Any, since: int, until: int, taken: int) -> tuple[int, int]:
    """Rows and steps that members went through in these epochs: those that had stopped do none.

    Args:
        population: in memory, or on a stream, whose length nobody may know.
        since, until: epochs.
        taken: steps in them of a member that goes on.
    """
    loss = np.asarray(population.history["loss"])[:, since:until]
    epochs = (~np.isnan(loss)).sum(1)
    if not population.source.whole:
        steps = int(epochs.sum()) * taken // (until - since)
        known = population.source.origin.rows
        return steps * population.recipe.batch_size if known is None else int(epochs.sum()) * known, steps
    parts = [int(entry.member(entry.inside).part) for entry in population.entries]
    steps = population.source.steps(population.recipe.batch_size)
    lengths = [len(rows) for rows in population.source.parts]
    pairs = list(zip(epochs.tolist(), parts, strict=True))
    return sum(n * lengths[p] for n, p in pairs), sum(n * steps[p] for n, p in pairs)


def _steps(population: Any) -> int:
    """The steps done by a member that never stopped."""
    states = [group.standing.state for group in population.groups if group.standing.state is not None]
    return max((int(np.max(np.asarray(state.step))) for state in states), default=0)


def _devices(population: Any) -> list:
    """The devices on which its arrays lie."""
    states = [group.standing.state for group in population.groups]
    arrays = [a for a in jax.tree.leaves((states, population.placed)) if isinstance(a, jax.Array)]
    return sorted(set().union(*(a.devices() for a in arrays)), key=lambda d: d.id) or jax.local_devices()[:1]


def _peak(one: Any) -> float:
    return device(one.device_kind, "utilisation(peak=...), operations per second of one of them").peak
