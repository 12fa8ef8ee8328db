"""Plans: how the members of a population lie on the machine. No other room knows devices."""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, SingleDeviceSharding
from jax.sharding import PartitionSpec as P

from jaxnn.core.precision import DEFAULT, Precision
from jaxnn.core.tolerance import SPACING, spacing, tolerance
from jaxnn.grid.memory import Memory
from jaxnn.grid.spread import AXES, Spread, check_plan, devices_of, here, rules_of
from jaxnn.train.free import free
from jaxnn.train.layout import mapped

BESIDE = "beside"
"""The name of the axis of members that go side by side."""


@dataclass(frozen=True)
class Plan:
    """How members run: ``chunk`` of them in one call, spread over ``devices``, ``width`` side by side on each.

    Args:
        devices: how many devices share the members.
        width: members that one device runs side by side (`jax.vmap`); the others follow (`jax.lax.map`).
        chunk: members of one call of the program, or None for all.
        on: which devices; empty for the first ones there are.
        room: members that a call has places for, though there be fewer: any number up to it shares one program. What
            is left empty takes next to no time, but for lanes beside members.
        data: devices over which each member's rows of a step are split.
        model: devices over which ``shard`` splits its weights by rules.
        sequence: devices over which the steps of its sequences are split, the axis after the rows.
        shard: how parameters and the optimizer's state lie: None, whole on each of a member's devices; ``"fully"``,
            split over ``data`` (ZeRO-3, FSDP); rules, pairs of a pattern over the path and a `PartitionSpec`, such as
            `jaxnn.core.shards.MEGATRON`; or both, ``("fully", *rules)``.
        precision: that of the training, which fills it in.
        memory: a `jaxnn.grid.memory.Memory`: what a call was predicted to take, and what was free; or None.

    Example:
        >>> Plan(devices=2, width=1, chunk=64)
        Plan(devices=2, width=1, chunk=64)
    """

    devices: int = 1
    width: int = 1
    chunk: int | None = None
    on: tuple = ()
    room: int | None = None
    data: int = 1
    model: int = 1
    sequence: int = 1
    shard: Any = None
    precision: Precision | None = field(default=None, compare=False)
    memory: Memory | None = field(default=None, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled and copied: all but the devices, which are this process's own."""
        return {**vars(self), "on": ()}

    def __repr__(self) -> str:
        axes = "".join(f", {name}={n}" for name in AXES if (n := getattr(self, name)) != 1)
        shard = "" if self.shard is None else f", shard={self.shard!r}"
        return f"Plan(devices={self.devices}, width={self.width}, chunk={self.chunk}{axes}{shard})"

    def __str__(self) -> str:
        near = f"losses of the first epochs within {self.tolerance:.2g} of those of solo runs"
        exact = near if self.tolerance else "equal to solo runs to the bit"
        each = "".join(f" x {n} {name}" for name in AXES if (n := getattr(self, name)) != 1)
        members = f"{self.devices} device(s){each} x {self.chunk} members a call, {self.width} side by side"
        return f"{members}, {self._products}, {exact}"

    @property
    def _products(self) -> str:
        """The precision, in words; where nobody asked for one, what the platform makes of it."""
        if self.precision is not None:
            return f"in {self.precision}"
        rough = spacing(platform=self.platform) > SPACING["float32"]
        made = {"tpu": ", with products of bfloat16"}.get(self.platform, ", with products of TF32")
        return f"in the platform's precision{made if rough else ''}"

    @property
    def beside(self) -> str | None:
        """The name of the axis of members that go side by side, or None."""
        return BESIDE if self.width > 1 or (self.devices > 1 and self.each > 1) else None

    @property
    def each(self) -> int:
        """Devices of one member."""
        return math.prod(getattr(self, name) for name in AXES)

    @property
    def spread(self) -> Spread | None:
        """How a member lies over several devices, or None where one holds it."""
        if self.each == 1:
            return None
        return Spread(self.mesh, *rules_of(self.shard))

    @property
    def platform(self) -> str:
        """Of its devices: ``"cpu"``, ``"gpu"``, ``"tpu"``."""
        return (self.on or tuple(jax.local_devices()))[0].platform

    @property
    def tolerance(self) -> float:
        """By how much losses of the first epochs may differ from solo runs, as a share: 0 where they are equal.

        A program for several devices is another one, which XLA may fuse in another way, even where each member is by
        itself. Rounding grows from epoch to epoch as any difference does, and a weight without a true gradient, such as
        the bias of attention's keys, is moved by Adam in whole steps of it: outputs of a transformer were seen to
        differ by 0.02.

        Where products read their factors as TF32 or bfloat16, or the model computes in bfloat16 or float16, it is that
        of `jaxnn.core.tolerance`.
        """
        own = self.precision or DEFAULT
        exact = 0.0 if self.width == self.devices == self.each == 1 else 1e-4
        return exact and tolerance(exact, own.compute or "float32", self.platform, own.products)

    @property
    def mesh(self) -> Mesh:
        """The devices along the axes ``member``, ``data`` and ``model``, and ``sequence`` where it has any."""
        on = self.on or tuple(here(self)[: self.devices * self.each])
        return _mesh(on, self.data, self.model, self.sequence)

    def fitted(self, members: int) -> "Plan":
        """The plan for so many members: no more devices, and none wider, than they fill.

        Of a TPU slice a part is a power of two: its links join chips in squares, and others have no mesh.
        """
        members = max(members, self.room or 1)
        devices = max(1, min(self.devices, members))
        if devices < self.devices and self.on and self.platform == "tpu":
            devices = 1 << (devices.bit_length() - 1)
        width = max(1, min(self.width, -(-members // devices)))
        chunk = min(self.chunk or members, members)
        if self.each > 1 and devices > 1:  # all that go side by side, and the next ones in another call
            chunk = min(chunk, devices * width)
        return replace(self, devices=devices, width=width, chunk=max(chunk, 1), on=self.on[: devices * self.each])

    def settled(self, members: int, device: Any = None) -> "Plan":
        """The plan for so many members, on devices that there are.

        Args:
            device: where the data lie on purpose, and so the members too; None for wherever JAX computes now.

        Raises:
            ValueError: for numbers that are none, or more devices than there are.
        """
        devices = devices_of(device) if self.each == 1 else here(self)
        check_plan(self, devices)
        return replace(self, on=self.on or devices[: self.devices * self.each]).fitted(members)

    def check(self, batch_size: int, rows: int) -> None:
        """Raise unless the rows of a step divide over the devices of a member, where there are several steps."""
        if batch_size < rows and batch_size % self.data:
            raise ValueError(
                f"a step of {batch_size} rows does not divide over data={self.data}; "
                f"write batch_size={-(-batch_size // self.data) * self.data}"
            )

    def halved(self, count: int) -> "Plan | None":
        """The plan for calls of half as many as ``count`` members, half as wide; None where none can be smaller."""
        chunk = min(self.chunk or count, count)
        if chunk <= self.devices and self.width == 1:
            # Devices of a CPU share their memory: fewer of them leave each more of it.
            if self.devices == 1 or self.platform != "cpu":
                return None
            return replace(self, devices=1, chunk=1, room=None, on=self.on[: self.each])
        chunk = max(min(self.devices, chunk), -(-chunk // 2))
        width = max(1, min(-(-self.width // 2), -(-chunk // self.devices)))
        return replace(self, width=width, chunk=chunk, room=None if self.room is None else min(self.room, chunk))

    def steady(self, members: int) -> "Plan":
        """The plan for members that a search thins out: in even chunks, each with room for a whole one."""
        chunk = min(self.chunk or members, members)
        chunk = -(-members // -(-members // chunk))
        return replace(self, chunk=chunk, width=min(self.width, -(-chunk // self.devices)), room=chunk)

    def thinned(self, members: int) -> "Plan":
        """A steady plan when so many members are left.

        It keeps its devices and its room, and goes down with its width in steps of four while no more than two blocks
        of it hold all: few programs whatever the numbers of members are, and at most about twice as many places that
        train as members.
        """
        width = self.width
        while self.each == 1 and width > 1 and 2 * -(-width // 4) * self.devices >= members:
            width = -(-width // 4)
        return replace(self, width=width)

    def arrange(self, count: int) -> np.ndarray:
        """Members dealt over the devices like cards, so that early stoppers spread; the last one fills up."""
        block = self.devices * self.width
        wanted = max(count, min(self.room or 1, self.chunk or self.room or 1))
        places = np.arange(block * math.ceil(wanted / block)).reshape(-1, self.devices).T.reshape(-1)
        return np.minimum(places, count - 1)

    def idle(self, count: int) -> np.ndarray:
        """Which places need no training: those that repeat a member, and have no other one beside them."""
        order = self.arrange(count)
        repeats = np.ones(len(order), bool)
        repeats[np.unique(order, return_index=True)[1]] = False
        return np.repeat(repeats.reshape(-1, self.width).all(1), self.width)

    def lay(self, function: Callable) -> Callable:
        """``function(own, shared)`` of one member, as a function of stacked members."""

        if self.spread is not None:
            return self.spread.lay(function, self.devices, self.width, self.beside)

        def on_device(own: Any, shared: Any) -> Any:
            members = jax.tree.leaves(own)[0].shape[0]
            if self.width == 1:
                return mapped(function, own, shared)
            wide = jax.vmap(lambda one: function(one, shared), axis_name=BESIDE)
            if members == self.width:
                return wide(own)
            blocks = jax.tree.map(lambda a: a.reshape(-1, self.width, *a.shape[1:]), own)
            return jax.tree.map(lambda a: a.reshape(members, *a.shape[2:]), jax.lax.map(wide, blocks))

        if self.devices == 1:
            return on_device
        specs = (P("member"), P())
        return jax.shard_map(on_device, mesh=self.mesh, in_specs=specs, out_specs=P("member"), check_vma=False)

    def sharding(self, by_member: bool = False) -> Any:
        """Where arrays lie: their first axis split over the devices, or whole on each; None for JAX's default."""
        if self.devices == self.each == 1:
            return SingleDeviceSharding(self.on[0]) if self.on else None
        return NamedSharding(self.mesh, P("member") if by_member else P())

    def place(self, tree: Any, by_member: bool = False) -> Any:
        """A tree on the devices, as `sharding` says."""
        if self.spread is not None:
            return self.spread.place(tree, by_member)
        return jax.device_put(tree, self.sharding(by_member))

    def free(self) -> int:
        """Bytes that are free now on each device."""
        return free(self.on or tuple(jax.local_devices()[: self.devices * self.each]))

    def places(self, state: Any) -> Any:
        """The sharding of every leaf of a stacked `TrainState`, or None for that of its members."""
        return None if self.spread is None else self.spread.places(state)


@functools.lru_cache(maxsize=64)
def _mesh(devices: tuple, data: int, model: int, sequence: int) -> Mesh:
    shape, names = (-1, data, model), ("member", "data", "model")
    if sequence > 1:
        shape, names = (*shape, sequence), (*names, "sequence")
    return Mesh(np.array(devices).reshape(shape), names)
