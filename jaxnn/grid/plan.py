"""Plans: how the members of a cohort lie on the machine, as devices x chunk x width."""

import functools
import math
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from jaxnn.train.program import BESIDE

TINY = 100_000
"""Multiply-adds a step below which members of a CPU grid go through side by side: dispatch outweighs arithmetic."""
TINY_WIDTH = 64
"""How many of them at most."""
MEMORY_SHARE = 0.5
"""The part of a device's memory that the members of one call may take."""


class Plan(NamedTuple):
    """How members run: ``chunk`` of them in one call, spread over ``devices``, ``width`` side by side on each.

    Args:
        devices: how many devices share the members.
        width: members that one device runs side by side (`jax.vmap`); the others follow (`jax.lax.map`).
        chunk: members of one call of the program, or None for all.

    Example:
        >>> Plan(devices=2, width=1, chunk=64)
        Plan(devices=2, width=1, chunk=64)
    """

    devices: int = 1
    width: int = 1
    chunk: int | None = None

    def fitted(self, members: int) -> "Plan":
        """The plan for so many members: a chunk that divides by devices and width, none wider than it need be."""
        devices = max(1, min(self.devices, members))
        width = max(1, min(self.width, -(-members // devices)))
        block = devices * width
        chunk = min(self.chunk or members, members)
        return Plan(devices, width, block * math.ceil(chunk / block))


def choose(plan: Any, members: int, work: int, member_bytes: int) -> Plan:
    """The plan for a cohort.

    Args:
        plan: ``"auto"``, ``"map"`` (one after the other on one device), ``"vmap"`` (all side by side on one
            device), or a `Plan`.
        members: how many.
        work: multiply-adds of one step of one member.
        member_bytes: memory that one member needs while it trains.

    Returns:
        A plan fitted to the members.

    Raises:
        ValueError: for anything else, or more devices than there are.
    """
    devices = jax.local_devices()
    if isinstance(plan, Plan):
        if plan.devices > len(devices) or plan.devices < 1 or plan.width < 1:
            raise ValueError(
                f"{plan} does not fit {len(devices)} device(s); write Plan(devices={len(devices)}, width=1), "
                "or nn.configure(cpu_devices=...) before the first computation"
            )
        return plan.fitted(members)
    if plan == "map":
        return Plan(1, 1).fitted(members)
    if plan == "vmap":
        return Plan(1, members).fitted(members)
    if plan != "auto":
        raise ValueError(
            f'a plan is "auto", "map", "vmap" or a Plan, got {plan!r}; write plan=nn.Plan(devices=1, width=8)'
        )
    if devices[0].platform == "cpu":
        room = max(1, int(MEMORY_SHARE * free_memory() // max(1, member_bytes)))
        return Plan(len(devices), even(members, len(devices)) if work < TINY else 1, room).fitted(members)
    limit = (devices[0].memory_stats() or {}).get("bytes_limit", 8 << 30) * MEMORY_SHARE
    width = max(1, int(limit // max(1, member_bytes)))
    return Plan(len(devices), width, len(devices) * width).fitted(members)


def even(members: int, devices: int) -> int:
    """The width at which blocks of members, none wider than `TINY_WIDTH`, are of one size.

    Example:
        >>> even(100, 1), even(100, 2), even(3, 2)
        (50, 50, 2)
    """
    each = -(-members // devices)
    return -(-each // -(-each // TINY_WIDTH))


def free_memory() -> int:
    """Bytes of main memory that are free now; 8 GiB where the system does not tell."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 8 << 30


@functools.lru_cache(maxsize=64)
def over_members(plan: Plan) -> Callable:
    """What turns ``f(member, shared)`` into the same for stacked members under this plan; one function a plan."""

    def many(f: Callable) -> Callable:
        def on_device(members: Any, shared: Any) -> Any:
            count = jax.tree.leaves(members)[0].shape[0]
            if plan.width == 1:
                return jax.lax.map(lambda m: f(m, shared), members)
            wide = jax.vmap(lambda m: f(m, shared), axis_name=BESIDE)
            if count == plan.width:
                return wide(members)
            blocks = jax.tree.map(lambda a: a.reshape(-1, plan.width, *a.shape[1:]), members)
            return jax.tree.map(lambda a: a.reshape(count, *a.shape[2:]), jax.lax.map(wide, blocks))

        if plan.devices == 1:
            return on_device
        return jax.shard_map(
            on_device, mesh=_mesh(plan.devices), in_specs=(P("member"), P()), out_specs=P("member"), check_vma=False
        )

    return many


def _mesh(devices: int) -> jax.sharding.Mesh:
    return jax.make_mesh((devices,), ("member",), axis_types=(AxisType.Auto,), devices=jax.local_devices()[:devices])


def shardings(plan: Plan) -> tuple[Any, Any]:
    """How members and what they share lie on the devices of a plan; None, None for one device."""
    if plan.devices == 1:
        return None, None
    return NamedSharding(_mesh(plan.devices), P("member")), NamedSharding(_mesh(plan.devices), P())


def put(tree: Any, sharding: Any) -> Any:
    """A tree on the devices of a sharding, or as it is for None."""
    return tree if sharding is None else jax.tree.map(lambda a: jax.device_put(a, sharding), tree)


def padded(indices: np.ndarray, chunk: int) -> np.ndarray:
    """Member numbers filled up to a whole chunk by repeating the last one."""
    return np.concatenate([indices, np.repeat(indices[-1:], chunk - len(indices))])
