"""Out of memory: how a device says so, and how members go on in smaller calls from where they stood."""

import gc
from collections.abc import Callable
from typing import Any

import jax


def is_shortage(error: BaseException) -> bool:
    """Whether an error is a device's that has too little memory, for compiling or for running.

    Example:
        >>> is_shortage(jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 8 bytes."))
        True
    """
    words = str(error)
    return isinstance(error, jax.errors.JaxRuntimeError) and (
        words.startswith("RESOURCE_EXHAUSTED") or "out of memory" in words.lower()
    )


def in_groups(population: Any, act: Callable[[int], Any]) -> None:
    """Call ``act(number)`` for each group of a population; while the device is out of memory, in smaller groups.

    Raises:
        MemoryError: if it is too little for one member.
    """
    number = 0
    while number < len(population.groups):
        try:
            act(number)
        except jax.errors.JaxRuntimeError as error:
            if not is_shortage(error):
                raise
            number = _halved(population, number, error)
        else:
            number += 1
            continue
        gc.collect()  # the error held the call that failed, and that its arrays


def _halved(population: Any, number: int, error: BaseException) -> int:
    """Lay the members out in calls of half as many; returns the number of the group that comes next.

    Whoever trained keeps what it has done: a group goes back to its state on the host where the call that failed has
    taken the one on the device.
    """
    first = int(population.groups[number].members[0])
    for group in population.groups:
        group.fall_back(population.layout)
    count = max(len(group.members) for group in population.groups)
    smaller = population.layout.halved(count)
    if smaller is None:
        raise MemoryError(sentence(population)) from error
    spread = population.layout.spread
    if not population.source.whole or (spread is not None and spread.splits):
        raise MemoryError(
            f"the device has too little memory for {count} members at once, and members of a stream, or whose weights "
            f"devices share, cannot be laid out anew; write plan= with width={smaller.width}, chunk={smaller.chunk}"
        ) from error
    if smaller.sharding() != population.layout.sharding():
        population.placed = None  # the rows lie on other devices
    population.layout = smaller
    population.halvings += 1
    population.groups = [part for group in population.groups for part in group.divided(smaller.chunk)]
    return next(i for i, group in enumerate(population.groups) if group.members[0] == first)


def sentence(population: Any) -> str:
    """What one member takes, what is free and what to change."""
    from jaxnn.train.begin import shapes

    one = shapes(population.entries[0], population.source)
    own = sum(a.size * a.dtype.itemsize for a in jax.tree.leaves(one))
    takes = f"its weights and the optimizer's state alone {size(own)}"
    if population.compiled_bytes:
        takes = f"its program {size(population.compiled_bytes)}, {takes}"
    return (
        f"the device has too little memory for one member: it takes {takes}, and {size(population.layout.free())} are "
        f"free; write a smaller batch_size= than {population.recipe.batch_size}, a smaller model or one with "
        "remat=True, or let go of other arrays on the device"
    )


def size(count: int) -> str:
    """Bytes in words.

    Example:
        >>> size(999), size(3 << 20), size(5 << 30)
        ('999 B', '3.0 MiB', '5.0 GiB')
    """
    for unit, power in (("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if count >= 1 << power:
            return f"{count / (1 << power):.1f} {unit}"
    return f"{count} B"
