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

    @property
    def platform(self) -> str:
        """Of the device."""
        settings: Any = jax.config
        device = settings.jax_default_device if self.device is None else self.device
        return getattr(device, "platform", device) or jax.local_devices()[0].platform

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
