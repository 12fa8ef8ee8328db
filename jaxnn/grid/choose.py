"""Which plan a population gets: the one it was given, or the fastest one that fits."""

from typing import Any

import jax

from jaxnn.core.tree import count as scalars
from jaxnn.grid.memory import told, within
from jaxnn.grid.plan import Plan
from jaxnn.grid.spread import devices_of

TINY = 100_000
"""Multiply-adds a step below which members of a CPU grid go through side by side: dispatch outweighs arithmetic."""
TINY_WIDTH = 64
"""How many of them at most."""


def choose(plan: Any, members: int, gauge: Any = None, device: Any = None) -> Plan:
    """The plan for a population.

    Args:
        plan: ``"auto"``, ``"map"`` (one after the other on one device), ``"vmap"`` (all side by side on one
            device), or a `Plan`.
        members: how many.
        gauge: a `jaxnn.grid.memory.Gauge` of one of them, which tells work and memory; ``"auto"`` needs one.
        device: where the data lie on purpose, and so the members too; None for wherever JAX computes now.

    Returns:
        A plan fitted to the members.

    Raises:
        ValueError: for anything else, or more devices than there are.
    """
    if isinstance(plan, Plan):
        return told(plan.settled(members, device), members, gauge)
    devices = devices_of(device)
    if plan not in ("auto", "map", "vmap"):
        raise ValueError(
            f'a plan is "auto", "map", "vmap" or a Plan, got {plan!r}; write plan=nn.Plan(devices=1, width=8)'
        )
    if plan != "auto":
        own = Plan(1, members if plan == "vmap" else 1, on=devices[:1]).fitted(members)
        return told(own, members, gauge)
    width = members
    if devices[0].platform == "cpu":
        width = even(members, len(devices)) if work_of(gauge.state.params, gauge.batch_size) < TINY else 1
    return within(Plan(len(devices), width, on=devices).fitted(members), members, gauge)


def even(members: int, devices: int) -> int:
    """The width at which blocks of members, none wider than `TINY_WIDTH`, are of one size.

    Example:
        >>> even(100, 1), even(100, 2), even(3, 2)
        (50, 50, 2)
    """
    each = -(-members // devices)
    return -(-each // -(-each // TINY_WIDTH))


def work_of(params: Any, batch_size: int) -> int:
    """Multiply-adds of one step that members side by side do each by itself."""
    shapes = [leaf.shape for leaf in jax.tree.leaves(params) if len(leaf.shape) > 1]
    # A single layer sees the rows that all members share: side by side it is one large product.
    return 0 if [len(shape) for shape in shapes] == [2] else scalars(params) * batch_size
