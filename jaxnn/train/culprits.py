"""Why a trial cannot be built or traced: the hyperparameter that is used as what it is not, named in one sentence.

A trial function sees its floats as numbers inside the program, which have no value while it runs: `int(width)`,
`range(n)` and `if lr < 0.1` fail with an error of JAX, or of Python, that knows nothing of hyperparameters. So when
something has failed, and only then, hyperparameters are tried as something else; whatever is tried is only traced.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import jax
import numpy as np
from jax.core import Tracer

from jaxnn.core.hyper import concrete, split, traced
from jaxnn.core.layer import is_spec
from jaxnn.data.source import Source
from jaxnn.train.class_weight import counted
from jaxnn.train.engine import Member, epoch, start
from jaxnn.train.enrol import Entry
from jaxnn.train.trial import arguments

MISUSES = (TypeError, ValueError, LookupError, ArithmeticError, AttributeError)
"""What Python and JAX raise for a value of the wrong kind; an error of another class is the user's own."""
VALUELESS = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
)
"""What JAX raises where a traced value is asked for its number."""


@contextmanager
def naming_culprits(entry: Entry, source: Source) -> Iterator[None]:
    """Around what builds or traces the trial of a point: where hyperparameters are to blame, the error names them.

    Raises:
        ValueError: with the hyperparameter and what to write, from the error as it was.
    """
    try:
        yield
    except MISUSES as error:
        found = _found(entry, source)
        if found is None:
            raise
        raise ValueError(found) from error


@contextmanager
def naming_traced(inside: Mapping[str, Any]) -> Iterator[None]:
    """Around what builds a trial under a user's own `jax.jit`: a value that JAX misses is one of those traced there.

    Raises:
        ValueError: with the hyperparameters that are traced, from the error of JAX.
    """
    try:
        yield
    except VALUELESS as error:
        names = [name for name, numbers in inside.items() if any(isinstance(v, Tracer) for v in numbers)]
        raise ValueError(
            f"the trial uses {' or '.join(names)} as structure, such as a size, the n of range(n) or an if, and "
            "it is traced by jax.jit, jax.vmap or jax.grad around this call; give it as a plain number, or write "
            "jnp.where in the place of an if"
        ) from error


def rehearse(entry: Entry, source: Source, known: Sequence[str] = ()) -> None:
    """Build the trial of a point, and trace the beginning and one epoch of its training; nothing is compiled.

    Args:
        known: hyperparameters whose numbers keep their values while it is traced.
    """
    recipe, member = entry.recipe, entry.member(entry.inside)
    values = {name: concrete(entry.inside)[name] for name in known}
    rest = {name: numbers for name, numbers in entry.inside.items() if name not in known}
    block = source.block(0, 1, entry.shuffle, capacity=1, counts=counted(entry.trial().heads, source))

    def both(member: Member, block: Any) -> Any:
        key = jax.random.wrap_key_data(member.key, impl="threefry2x32")
        member = member._replace(key=key, hparams={**member.hparams, **values})
        return epoch(recipe, member, start(recipe, member, source.first_row), block, block.orders[0])

    jax.eval_shape(both, member._replace(hparams=rest), block)


def _passes(entry: Entry, source: Source, known: Sequence[str] = ()) -> bool:
    try:
        rehearse(entry, source, known)
    except Exception:
        return False
    return True


def _found(entry: Entry, source: Source) -> str | None:
    """The sentence for the first kind of misuse that, mended, lets the trial be traced; None if there is none."""
    if _passes(entry, source):
        return None
    name = _least(list(entry.inside), lambda names: _passes(entry, source, names))
    if name is not None:
        return _structure(name, entry.point[name])
    for change, sentence in KINDS:
        found = {name: change(value) for name, value in entry.hparams.items()}
        changed = {name: new for name, new in found.items() if new is not None}
        name = _least(list(changed), lambda names, all=changed: _passes(_with(entry, all, names), source))
        if name is not None:
            return sentence(name, entry.point[name], changed[name])
    return None


def _least(names: list[str], mends: Callable[[list[str]], bool]) -> str | None:
    """The first name that has to be mended for all to be well, or None where mending all does not help."""
    if not names or not mends(names):
        return None
    for name in list(names):
        others = [n for n in names if n != name]
        if others and mends(others):
            names = others
    return names[0]


def _with(entry: Entry, changed: dict[str, Any], names: Sequence[str]) -> Entry:
    point = {**entry.point, **{name: changed[name] for name in names}}
    inside, structure = split(arguments(point))
    return entry._replace(point=point, inside=inside, recipe=replace(entry.recipe, structure=structure))


def _structure(name: str, value: Any) -> str:
    value = _few(value.values if isinstance(value, traced) else value)
    return (
        f"the trial uses {name} as structure, such as a size, the n of range(n), int({name}) or an if, and {value} "
        f"rides inside the program, where it has no value yet; write {name}=nn.static({value}), in a grid "
        f"{name}=nn.static([{value}, ...]), or jnp.where in the place of an if"
    )


def _as_whole(value: Any) -> Any:
    numbers = value.tolist() if hasattr(value, "tolist") else value
    flat = list(numbers) if isinstance(numbers, (list, tuple)) else [numbers]
    if not flat or not all(isinstance(v, float) and v.is_integer() for v in flat):
        return None
    return tuple(map(int, flat)) if isinstance(numbers, (list, tuple)) else int(flat[0])


def _whole(name: str, value: Any, new: Any) -> str:
    return (
        f"the trial uses {name} as a whole number, and {name} is {_few(value)}; write {name}={new!r}, in a grid "
        f"{name}=[{new!r}, ...], or where it is a float that the trial makes a size of {name}=nn.static([...])"
    )


def _as_number(value: Any) -> Any:
    try:
        return float(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _number(name: str, value: Any, new: Any) -> str:
    return f"{name} is the text {value!r}, and the trial uses it as a number; write {name}={new!r}"


def _as_one(value: Any) -> Any:
    leaves = [] if isinstance(value, (float, int, str)) or is_spec(value) else jax.tree.leaves(value)
    flat = [v for leaf in leaves for v in np.ravel(leaf).tolist()]
    return float(flat[0]) if flat and all(isinstance(v, (int, float)) for v in flat) else None


def _one(name: str, value: Any, new: Any) -> str:
    return (
        f"{name} is {_few(value)}, and the trial uses it as one number; write {name}={new!r}, or for several networks "
        f"nn.grid(trial, data, dict({name}=[{new!r}, ...]), epochs=...)"
    )


def _few(value: Any) -> str:
    """A value in few words."""
    words = repr(value.tolist() if hasattr(value, "tolist") else value)
    return words if len(words) < 60 else f"{words[:56]} ..."


KINDS: tuple[tuple[Callable[[Any], Any], Callable[[str, Any, Any], str]], ...] = (
    (_as_whole, _whole),
    (_as_number, _number),
    (_as_one, _one),
)
"""What a value may have been meant as, and how that is told."""
