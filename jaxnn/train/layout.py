"""How members lie on the machine: what a population asks of it, and the plainest answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import jax
import numpy as np
from jax.sharding import SingleDeviceSharding

from jaxnn.train.free import free


class Layout(Protocol):
    """How the members of a program lie on the machine; hashable. `Alone` is one, `jaxnn.grid.plan.Plan` another."""

    @property
    def beside(self) -> str | None:
        """The name of the axis of members that go side by side, or None where one follows the other."""
        ...

    @property
    def platform(self) -> str:
        """Of its devices: ``"cpu"``, ``"gpu"``, ``"tpu"``."""
        ...

    @property
    def chunk(self) -> int | None:
        """Members of one call of the program, or None for all."""
        ...

    @property
    def spread(self) -> "Spread | None":
        """How one member lies over several devices, or None where one holds it."""
        ...

    def settled(self, members: int, device: Any = None) -> "Layout":
        """The layout for so many members, on devices that there are; raises where there are none."""
        ...

    def check(self, batch_size: int, rows: int) -> None:
        """Raise unless a step of so many rows, of so many that there are, fits."""
        ...

    def arrange(self, count: int) -> np.ndarray:
        """Which of ``count`` members stand in which place; a member may stand in several, to fill them up."""
        ...

    def idle(self, count: int) -> np.ndarray:
        """Which of these places need no training, ``(places,)`` bool, as no result is read from them."""
        ...

    def lay(self, function: Callable) -> Callable:
        """``function(own, shared)`` of one member, as a function of stacked members."""
        ...

    def sharding(self, by_member: bool = False) -> Any:
        """Where arrays lie: their first axis split over the devices, or whole on each; None for JAX's default."""
        ...

    def place(self, tree: Any, by_member: bool = False) -> Any:
        """A tree on the devices, as `sharding` says."""
        ...

    def free(self) -> int:
        """Bytes that are free now on each device."""
        ...

    def halved(self, count: int) -> "Layout | None":
        """The layout for calls of half as many as ``count`` members; None where a call cannot be smaller."""
        ...

    def places(self, state: Any) -> Any:
        """The sharding of every leaf of a stacked `TrainState`, or None for that of its members."""
        ...


class Spread(Protocol):
    """How one member lies over several devices; a `Recipe` carries it, as it shapes the program."""

    @property
    def splits(self) -> bool:
        """Whether weights are split, so that no device need hold all of them."""
        ...

    def rows(self, batch: Any, axis: int = 0) -> Any:
        """Rows, ``axis`` theirs, as they are to lie."""
        ...

    def hold(self, tree: Any) -> Any:
        """Weights, gradients or a `TrainState` of a member, as they are to lie."""
        ...


@dataclass(frozen=True)
class Whole:
    """A member that one device holds: nothing is split.

    Example:
        >>> Whole().splits, Whole() == Whole(), Whole().rows("rows")
        (False, True, 'rows')
    """

    splits: bool = False

    def rows(self, batch: Any, axis: int = 0) -> Any:
        """As they are."""
        return batch

    def hold(self, tree: Any) -> Any:
        """As it is."""
        return tree


WHOLE = Whole()


def mapped(function: Callable, own: Any, shared: Any) -> Any:
    """``function(one, shared)`` for one member after the other; a single one needs no loop, and compiles faster."""
    if jax.tree.leaves(own)[0].shape[0] > 1:
        return jax.lax.map(lambda one: function(one, shared), own)
    return jax.tree.map(lambda a: a[None], function(jax.tree.map(lambda a: a[0], own), shared))


@dataclass(frozen=True)
class Alone:
    """One member after the other on one device.

    Args:
        device: which; None for the one that JAX takes by default.

    Example:
        >>> Alone().arrange(3).tolist(), Alone().beside
        ([0, 1, 2], None)
    """

    device: Any = None
    beside: None = None
    chunk: None = None
    spread: None = None

    @property
    def platform(self) -> str:
        """Of the device."""
        settings: Any = jax.config
        device = settings.jax_default_device if self.device is None else self.device
        return getattr(device, "platform", device) or jax.local_devices()[0].platform

    def settled(self, members: int, device: Any = None) -> "Alone":
        """Where the data lie, unless it is on a device of its own."""
        return self if self.device is not None or device is None else Alone(device)

    def check(self, batch_size: int, rows: int) -> None:
        """Any step fits."""

    def arrange(self, count: int) -> np.ndarray:
        """As they come."""
        return np.arange(count)

    def idle(self, count: int) -> np.ndarray:
        """None."""
        return np.zeros(len(self.arrange(count)), bool)

    def lay(self, function: Callable) -> Callable:
        """A map."""
        return lambda own, shared: mapped(function, own, shared)

    def sharding(self, by_member: bool = False) -> Any:
        """On the device."""
        return None if self.device is None else SingleDeviceSharding(self.device)

    def place(self, tree: Any, by_member: bool = False) -> Any:
        """On the device."""
        return jax.device_put(tree, self.sharding(by_member))

    def free(self) -> int:
        """Bytes that are free there now."""
        settings: Any = jax.config
        device = settings.jax_default_device if self.device is None else self.device
        return free((device if hasattr(device, "memory_stats") else jax.local_devices(backend=device)[0],))

    def halved(self, count: int) -> None:
        """A single member has no half."""
        return

    def places(self, state: Any) -> None:
        """As its members."""


def lies_split(leaf: Any) -> bool:
    """Whether a leaf is an array of which several devices hold a part each."""
    return isinstance(leaf, jax.Array) and len(leaf.sharding.device_set) > 1 and not leaf.is_fully_replicated


def agreed(layout: Layout, value: int) -> int:
    """A number by which all processes of a member go: that of the first, where there are several."""
    if layout.spread is None or jax.process_count() == 1:
        return value
    from jax.experimental.multihost_utils import broadcast_one_to_all

    return int(broadcast_one_to_all(np.int32(value)))


def of_members(tree: Any, members: Any) -> Any:
    """Some members of a stacked tree, in this order: on the host, but for leaves that are split over devices.

    Example:
        >>> of_members({"a": np.arange(3)}, [2, 0])["a"].tolist()
        [2, 0]
    """
    return jax.tree.map(lambda a: a[np.asarray(members)] if lies_split(a) else np.asarray(a)[members], tree)


def stacked(trees: list[Any]) -> Any:
    """Trees of members as one, on the host; a leaf of one member that is split over devices stays there, as a copy.

    Example:
        >>> stacked([{"a": np.arange(2)}, {"a": np.arange(2)}])["a"].shape
        (2, 2)
    """
    return jax.tree.map(
        lambda *a: a[0][None] if len(a) == 1 and lies_split(a[0]) else np.stack(list(map(np.asarray, a))), *trees
    )


def check_layout(plan: Any) -> Layout:
    """The layout that a `fit` is given; ``"auto"`` is one device.

    Example:
        >>> check_layout("vmap")
        Traceback (most recent call last):
        ValueError: fit trains one network: plan must be a Plan or "auto", got 'vmap'; write plan=nn.Plan(data=8)
    """
    if plan is None or plan == "auto":
        return Alone()
    if not hasattr(plan, "settled") or isinstance(plan, type):
        raise ValueError(
            f'fit trains one network: plan must be a Plan or "auto", got {plan!r}; write plan=nn.Plan(data=8)'
        )
    return plan
