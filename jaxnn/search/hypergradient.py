"""The gradient of a whole training in its hyperparameters, for many starts at once, and the steps along it."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxnn.data.source import Source
from jaxnn.search.coordinates import Coordinates
from jaxnn.train.class_weight import counted
from jaxnn.train.culprits import MISUSES, naming_culprits
from jaxnn.train.engine import Member, Recipe
from jaxnn.train.enrol import Entry
from jaxnn.train.program import Program, remembered
from jaxnn.train.run import trained


class Slope:
    """The program that gives the metric of each start and its gradient.

    Args:
        recipe: of the training.
        where: the coordinates.
        metric: a column of the history.
        sign: -1 where larger is better.
    """

    def __init__(self, recipe: Recipe, where: Coordinates, metric: str, sign: int):
        self.recipe = recipe

        def value(coordinates: Any, member: Member, row: Any, block: Any) -> Any:
            key = jax.random.wrap_key_data(member.key, impl="threefry2x32")
            numbers = where.numbers(coordinates, member.hparams)
            member = member._replace(key=key, hparams={**member.hparams, **numbers})
            state, history = trained(self.recipe, member, row, block)
            last = history[metric][-1]
            return sign * jnp.where(state.diverged < 0, last, jnp.full_like(last, jnp.nan))

        self.program = Program(jax.vmap(jax.value_and_grad(value), in_axes=(0, 0, None, None)))


def slopes(entries: Sequence[Entry], source: Source, where: Coordinates, metric: str, sign: int) -> Callable:
    """The function of coordinates that gives the metric of each start and its gradient, compiled when first called."""
    first = entries[0]
    counts = counted(first.trial().heads, source)
    block = source.block(0, first.epochs, first.shuffle, capacity=first.epochs, counts=counts)
    row, block = jax.device_put((source.first_row, block), source.device)
    members = jax.tree.map(lambda *a: np.stack(a), *(e.member(e.inside) for e in entries))
    kind = ("descend", metric, sign, where.names, where.logs)
    kept = remembered(first.recipe, kind, lambda: Slope(first.recipe, where, metric, sign))

    def slope(coordinates: Any) -> tuple[Any, Any]:
        try:
            return kept.program(coordinates, members, row, block)
        except MISUSES as error:
            if "Reverse-mode differentiation" in str(error):
                raise ValueError(
                    "the trial has a loop whose length is not known before, through which no gradient passes, such as "
                    "the line search of nn.lbfgs; write another optimizer, as optax.sgd(lr)"
                ) from error
            with naming_culprits(first, source):
                raise

    return slope


def steps_of(
    slope: Callable, entries: Sequence[Entry], where: Coordinates, outer: Any, steps: int, after: Callable
) -> tuple[list[tuple], np.ndarray]:
    """The descent: numbers, value and gradient in each step, and the step at which each start came to rest, or -1.

    A start whose value or gradient is not finite stays: where it is if the value is, else where it was before.
    """
    base = {n: tuple(map(np.stack, zip(*(e.inside[n] for e in entries), strict=True))) for n in where.names}
    update = optax.with_extra_args_support(outer).update

    @jax.jit
    @jax.vmap
    def move(gradient: Any, state: Any, here: Any, value: Any, base: Any) -> tuple[Any, Any]:
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):  # as Optax needs it
            updates, state = update(gradient, state, here, value=value)
        there = jax.tree.map(lambda h, u: h + u.astype(h.dtype), here, updates)
        return where.bounded(there, base), state

    here = where.start(base)
    state, before, rows = jax.vmap(outer.init)(here), None, []
    well = np.ones(len(entries), bool)
    diverged = np.full(len(well), -1)
    for step in range(steps + 1):
        now = here, *slope(here)
        sound = well & np.isfinite(now[1]) & _finite(now[2])
        diverged[well & ~sound], well = step, sound
        before = now = now if before is None else _where(np.isfinite(now[1]), now, before)
        numbers = where.numbers(now[0], base)
        rows.append(jax.tree.map(np.asarray, (numbers, now[1], where.slopes(now[2], numbers))))
        after()
        if not well.any():  # nothing moves any more
            return rows + rows[-1:] * (steps - step), diverged
        there, later = move(now[2], state, now[0], now[1], base)
        here, state = _where(well, there, now[0]), _where(well, later, state)
    return rows, diverged


def _finite(tree: Any) -> np.ndarray:
    """For each start whether all of it is finite."""
    return np.all([np.isfinite(a).reshape(len(a), -1).all(1) for a in jax.tree.leaves(tree)], axis=0)


def _where(flags: np.ndarray, yes: Any, no: Any) -> Any:
    """For each start this or that."""
    return jax.tree.map(lambda a, b: jnp.where(flags.reshape(-1, *(1,) * (a.ndim - 1)), a, b), yes, no)
