"""How one member lies over several devices: its rows, its weights, and what follows from these.

Nothing here moves data between devices by itself: `jax.jit` gets arrays that lie in a certain way, is told at a few
places how others are to lie, and the compiler puts in the collectives.
"""

import fnmatch
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from jaxnn.core.mesh import laid
from jaxnn.core.shards import Rules, specs
from jaxnn.core.tree import path_of
from jaxnn.train.layout import mapped
from jaxnn.train.state import TrainState

AXES = ("data", "model", "sequence")
"""Those of a plan over which one member is spread."""


@dataclass(frozen=True)
class Spread:
    """How a member lies on a mesh.

    Args:
        mesh: of the axes ``member``, ``data`` and ``model``, and ``sequence`` where steps are split.
        rules: which leaves of the parameters are split along which axes; () for none.
        fully: whether what they leave whole is split over ``data``.

    Example:
        >>> mesh = Mesh(np.array(jax.devices()[:1]).reshape(1, 1, 1), ("member", "data", "model"))
        >>> Spread(mesh).splits, Spread(mesh, fully=True).splits
        (False, True)
    """

    mesh: Mesh
    rules: Rules = ()
    fully: bool = False

    @property
    def splits(self) -> bool:
        """Whether weights are split over devices, so that none need hold all of them."""
        return bool(self.rules) or self.fully

    def rows(self, batch: Any, axis: int = 0) -> Any:
        """Rows, ``axis`` theirs, split over ``data``; the steps of a sequence, the axis after it, over ``sequence``."""
        steps = self.mesh.shape.get("sequence", 1)

        def one(a: Any) -> Any:
            long = steps > 1 and a.ndim > axis + 1 and a.shape[axis + 1] % steps == 0
            spec = P(*(None,) * axis, "data", *(("sequence",) if long else ()))
            return jax.lax.with_sharding_constraint(a, NamedSharding(self.mesh, spec))

        return jax.tree.map(one, batch)

    def hold(self, tree: Any) -> Any:
        """Weights, gradients or a `TrainState` of a member, each leaf as it is to lie."""
        return jax.tree.map(jax.lax.with_sharding_constraint, tree, self._places(tree))

    def lay(self, function: Any, members: int, width: int, beside: str | None) -> Any:
        """``function(own, shared)`` of one member as a function of stacked members.

        Args:
            members: how many parts of the mesh have members of their own; where there are several, as many members as
                go side by side on all of them, and no more.
            width: members that go side by side on each.
            beside: the name of the axis of members that are at work at once.
        """
        function = self._brought_together(function)
        if members * width == 1:
            return lambda own, shared: self.held(mapped(function, own, shared))

        def wide(own: Any, shared: Any) -> Any:
            return jax.vmap(lambda one: function(one, shared), axis_name=beside, spmd_axis_name="member")(own)

        def on_all(own: Any, shared: Any) -> Any:
            count = jax.tree.leaves(own)[0].shape[0]
            if count == members * width:
                return self.held(wide(own, shared))
            if members > 1:
                raise ValueError(f"{count} members do not lie on {members} x {width}; write chunk={members * width}")
            blocks = jax.tree.map(lambda a: a.reshape(-1, width, *a.shape[1:]), own)
            out = jax.lax.map(lambda block: wide(block, shared), blocks)
            return self.held(jax.tree.map(lambda a: a.reshape(count, *a.shape[2:]), out))

        return on_all

    def _brought_together(self, function: Any) -> Any:
        """The same, in which weights that are split over ``data`` are brought together layer by layer."""
        if not self.fully:
            return function

        def traced(own: Any, shared: Any) -> Any:
            with laid(self.mesh, self.rules):
                return function(own, shared)

        return traced

    def held(self, tree: Any) -> Any:
        """What is stacked by member, each leaf as it is to lie."""
        return jax.tree.map(jax.lax.with_sharding_constraint, tree, self.places(tree))

    def place(self, tree: Any, by_member: bool) -> Any:
        """A tree on the devices: whole on each, or stacked by member; a dict then holds weights by path."""
        if not by_member:
            return jax.tree.map(lambda a: _put(a, NamedSharding(self.mesh, P())), tree)
        return jax.tree.map(_put, tree, self._stacked(tree) if isinstance(tree, dict) else self.places(tree))

    def places(self, tree: Any) -> Any:
        """The sharding of every leaf of what is stacked by member: of states as the rules say, of all else whole."""
        stacked = NamedSharding(self.mesh, P("member"))

        def one(node: Any) -> Any:
            return self._stacked(node) if isinstance(node, TrainState) else stacked

        return jax.tree.map(one, tree, is_leaf=lambda node: isinstance(node, TrainState))

    def _stacked(self, tree: Any) -> Any:
        alone = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape[1:], a.dtype), tree)
        return jax.tree.map(lambda own: NamedSharding(self.mesh, P("member", *own.spec)), self._places(alone))

    def _places(self, tree: Any) -> Any:
        paths = [path_of(path) for path, _ in jax.tree_util.tree_leaves_with_path(tree)]
        some = isinstance(tree, dict) and not any(fnmatch.fnmatchcase(p, r[0]) for p in paths for r in self.rules)
        found = specs(tree, () if some else self.rules, self.mesh, self.fully)
        return jax.tree.map(lambda own: NamedSharding(self.mesh, own), found, is_leaf=lambda s: isinstance(s, P))


def _put(leaf: Any, sharding: NamedSharding) -> Any:
    """An array on the devices; where other processes have some of them, each gives its own pieces."""
    if sharding.is_fully_addressable or (isinstance(leaf, jax.Array) and not leaf.is_fully_addressable):
        return jax.device_put(leaf, sharding)
    leaf = np.asarray(leaf)
    return jax.make_array_from_callback(leaf.shape, sharding, lambda index: leaf[index])


def devices_of(device: Any) -> tuple:
    """Where the data lie on purpose, or all devices on which JAX computes now."""
    settings: Any = jax.config
    device = settings.jax_default_device if device is None else device
    if device is None:
        return tuple(jax.local_devices())
    return tuple(jax.local_devices(backend=device)) if isinstance(device, str) else (device,)


def here(plan: Any) -> tuple:
    """The devices that a plan may take: of all processes where a member is spread, else of this one."""
    return tuple(jax.local_devices() if plan.each == 1 else jax.devices())


def rules_of(shard: Any) -> tuple[Rules, bool]:
    """The rules of a plan's ``shard``, and whether what they leave whole is split over ``data``.

    Example:
        >>> rules, fully = rules_of(("fully", ("*kernel", P("model"))))
        >>> rules_of(None), rules_of("fully"), rules[0][0], fully
        (((), False), ((), True), '*kernel', True)
    """
    parts: Any = () if shard is None else (shard,) if isinstance(shard, str) else tuple(shard)
    return tuple(part for part in parts if part != "fully"), "fully" in parts


def check_plan(plan: Any, devices: tuple) -> None:
    """Raise for a plan that does not fit the devices there are, or contradicts itself."""
    numbers = [plan.devices, plan.width, *(getattr(plan, name) for name in AXES)]
    numbers += [1 if n is None else n for n in (plan.chunk, plan.room)]
    whole = all(isinstance(n, int) and not isinstance(n, bool) and n >= 1 for n in numbers)
    needed = plan.devices * plan.each if whole else 0
    if not whole or (needed != len(plan.on) if plan.on else needed > len(devices)):
        spread = f"Plan(data={len(devices)})" if whole and plan.each > 1 else f"Plan(devices={len(devices)}, width=1)"
        raise ValueError(
            f"{plan!r} does not fit {len(devices)} device(s); write {spread}, "
            "or nn.configure(cpu_devices=...) before the first computation"
        )
    call = (
        'write Plan(data=8, shard="fully"), Plan(model=8, shard=MEGATRON), or Plan(data=4, model=2, '
        'shard=("fully", *MEGATRON))'
    )
    if plan.shard is not None and not isinstance(plan.shard, tuple) and plan.shard != "fully":
        raise ValueError(f'shard must be "fully", a tuple of rules or None, got {plan.shard!r}; {call}')
    rules, fully = rules_of(plan.shard)
    if fully and plan.data == 1:
        raise ValueError(f'shard="fully" splits weights over the axis data, which has one device here; {call}')
    if plan.model > 1 and not rules:
        raise ValueError(f"model={plan.model} splits weights by rules, and shard={plan.shard!r} has none; {call}")
    if plan.each == 1 and rules:
        raise ValueError(f"shard= splits weights over the devices of a member, which has one here; {call}")
