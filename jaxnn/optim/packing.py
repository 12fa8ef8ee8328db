"""Optimizers over few long arrays instead of many short ones, found by reading what an update does.

The update of most optimizers is the same elementwise formula for every leaf, and on a CPU each leaf costs kernels of
its own, however small it is. Here the update is traced once and its operations are sorted. What does not depend on
arrays of the state, such as penalties, clipping and schedules, stays as it is. Of the rest, leaves with the same chain
of elementwise operations are a family: computed together, their moments kept as one vector each. An update that does
anything else with its moments, such as their norms or products of them, is left alone.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxnn.optim.flat_program import FlatProgram, Operation

ELEMENTWISE = frozenset(
    """
    abs add add_any and clamp convert_element_type copy div eq exp exp2 expm1 floor ge gt integer_pow is_finite le log
    log1p logistic lt max min mul ne neg not or pow round rsqrt select_n sign sqrt square sub tanh
    """.split()  # noqa: SIM905
)


class Family(NamedTuple):
    """Leaves with the same late operations.

    Args:
        operations: those of the first leaf.
        inputs: columns of slots, one slot a leaf, that come from outside: arrays of the state, or computed early.
        outputs: columns of slots that are asked for.
    """

    operations: list[Operation]
    inputs: list[tuple[int, ...]]
    outputs: list[tuple[int, ...]]


class Packed(NamedTuple):
    """An optimizer's state with the arrays of each family as one vector each.

    Args:
        single: leaves that belong to no family, in order.
        vectors: for each family the vectors of its columns of state.
    """

    single: list[Any]
    vectors: list[list[Any]]


class Packing:
    """An update ``(grads, state, params, rest) -> (updates, state)`` over packed state; `packing` makes it."""

    def __init__(self, program: FlatProgram, families: list[Family], early: list[Operation], grads: Any, state: Any):
        self.program, self.families, self.early = program, families, early
        self.state_tree, self.grads_tree = jax.tree.structure(state), jax.tree.structure(grads)
        first = self.grads_tree.num_leaves
        self.state = program.inputs[first : first + self.state_tree.num_leaves]
        self.after = dict(zip(self.state, program.outputs[first:], strict=True))
        self.columns = [[c for c in f.inputs if c[0] in self.after] for f in families]
        packed = {slot for columns in self.columns for column in columns for slot in column}
        self.single = [slot for slot in self.state if slot not in packed]

    def pack(self, state: Any) -> Packed:
        """The packed form of a state."""
        leaf = dict(zip(self.state, jax.tree.leaves(state), strict=True))
        vectors = [[_vector([leaf[s] for s in column]) for column in columns] for columns in self.columns]
        return Packed([leaf[s] for s in self.single], vectors)

    def unpack(self, packed: Packed) -> Any:
        """The state as the optimizer has it."""
        leaf = dict(zip(self.single, packed.single, strict=True))
        for columns, vectors in zip(self.columns, packed.vectors, strict=True):
            for column, vector in zip(columns, vectors, strict=True):
                leaf.update(zip(column, self._parts(vector, column), strict=True))
        return jax.tree.unflatten(self.state_tree, [leaf[s] for s in self.state])

    def _parts(self, vector: Any, slots: Sequence[int]) -> list[Any]:
        parts, first = [], 0
        for shape in (self.program.shapes[s] for s in slots):
            size = math.prod(shape)
            parts.append(jax.lax.slice_in_dim(vector, first, first + size).reshape(shape))
            first += size
        return parts

    def update(self, grads: Any, packed: Packed, params: Any, rest: Any) -> tuple[Any, Packed]:
        """Updates like the gradients, and the packed state after them."""
        values: dict[int, Any] = dict(self.program.constants)
        given = [*jax.tree.leaves(grads), *self.state, *jax.tree.leaves((params, rest))]
        values.update(zip(self.program.inputs, given, strict=True))
        values.update(zip(self.single, packed.single, strict=True))
        for operation in self.early:
            values.update(zip(operation.outputs, operation.run([values[s] for s in operation.inputs]), strict=True))
        vectors: dict[int, Any] = {}
        for family, own in zip(self.families, packed.vectors, strict=True):
            vectors |= self._together(family, own, values)
        single = [values[self.after[s]] for s in self.single]
        new = [[vectors[self.after[c[0]]] for c in columns] for columns in self.columns]
        updates = [values[s] for s in self.program.outputs[: self.grads_tree.num_leaves]]
        return jax.tree.unflatten(self.grads_tree, updates), Packed(single, new)

    def _together(self, family: Family, own: list[Any], values: dict[int, Any]) -> dict[int, Any]:
        """The operations of a family over its vectors; its updates are put among the values."""
        state, local = iter(own), {}
        for column in family.inputs:
            local[column[0]] = next(state) if column[0] in self.after else _vector([values[s] for s in column])
        size = next(iter(local.values())).shape
        for operation in family.operations:
            inputs = [local[s] if s in local else values[s] for s in operation.inputs]
            if operation.primitive.name == "select_n":  # whose cases, unlike its condition, must have one shape
                inputs[1:] = [jnp.broadcast_to(v, size) for v in inputs[1:]]
            local[operation.outputs[0]] = operation.run(inputs)[0]
        states, updates = set(self.after.values()), set(self.program.outputs[: self.grads_tree.num_leaves])
        for column in family.outputs:
            if column[0] not in states or column[0] in updates:  # a velocity may be the update itself
                values.update(zip(column, self._parts(local[column[0]], column), strict=True))
        return local


def packing(update: Callable, grads: Any, state: Any, params: Any, rest: Any) -> Packing | None:
    """The packing of an update, or None where no leaves can be put together.

    Args:
        update: ``(grads, state, params, rest) -> (updates, state)``.
        grads, state, params, rest: arrays or their shapes.

    Example:
        >>> import optax
        >>> params, optimizer = {"a": jnp.ones((2, 3)), "b": jnp.ones(4)}, optax.rmsprop(0.1, momentum=0.9)
        >>> state = optimizer.init(params)
        >>> found = packing(lambda g, s, p, rest: optimizer.update(g, s, p), params, state, params, ())
        >>> [vector.shape for vector in found.pack(state).vectors[0]]
        [(10,), (10,)]
    """
    program = FlatProgram(update, grads, state, params, rest)
    first, count = len(jax.tree.leaves(grads)), len(jax.tree.leaves(state))
    owner = {s: s for s in program.inputs[first : first + count] if program.shapes[s]}
    early, late = [], []
    for operation in program.operations:
        touched = [s for s in operation.inputs if s in owner]
        if not touched:
            early.append(operation)
            continue
        arrays = {program.shapes[s] for s in (*operation.inputs, *operation.outputs)} - {()}
        if operation.primitive.name not in ELEMENTWISE or len(arrays) != 1 or len(operation.outputs) != 1:
            return None
        late.append(operation)
        root = _root(owner, touched[0])
        owner.update({_root(owner, s): root for s in touched})
        owner[operation.outputs[0]] = root
    families = _families(program, late, owner, dict(zip(program.inputs[first:], program.outputs[first:], strict=False)))
    return None if families is None else Packing(program, families, early, grads, state)


def _root(owner: dict[int, int], slot: int) -> int:
    while owner[slot] != slot:
        slot = owner[slot]
    return slot


def _families(program: FlatProgram, late: list, owner: dict, after: dict) -> list[Family] | None:
    """Leaves whose late operations are the same, together; None if there are none, or one does not fit."""
    chains: dict[int, list[Operation]] = {}
    for operation in late:
        chains.setdefault(_root(owner, operation.outputs[0]), []).append(operation)
    broadcast = _broadcasts(program)
    found: dict[Any, list[tuple[list, list, list]]] = {}
    for chain in chains.values():
        chain = [o._replace(inputs=tuple(broadcast.get(s, s) for s in o.inputs)) for o in chain]
        names, inputs, words = {}, [], []
        for operation in chain:
            for s in operation.inputs:
                if program.shapes[s] and s not in names:
                    names[s] = len(names)
                    inputs.append(s)
            names[operation.outputs[0]] = len(names)
            operands = tuple(("v", names[s]) if s in names else ("s", s) for s in operation.inputs)
            words.append((operation.primitive.name, str(operation.params), operands))
        asked = [o.outputs[0] for o in chain if o.outputs[0] in program.outputs]
        if any(s in after and names.get(after[s]) is None for s in inputs):
            return None  # a state that becomes something from outside of its own chain
        sign = tuple((str(program.dtypes[s]), names.get(after.get(s, -1))) for s in inputs)
        key = (tuple(words), sign, tuple(names[s] for s in asked))
        found.setdefault(key, []).append((chain, inputs, asked))
    families = [
        Family(same[0][0], *(list(zip(*(part[k] for part in same), strict=True)) for k in (1, 2)))
        for same in found.values()
    ]
    return families if any(len(f.inputs[0]) > 1 for f in families if f.inputs) else None


def _broadcasts(program: FlatProgram) -> dict[int, int]:
    """Arrays that are one scalar everywhere, and the scalar."""
    return {
        o.outputs[0]: o.inputs[0]
        for o in program.operations
        if o.primitive.name == "broadcast_in_dim" and not program.shapes[o.inputs[0]] and len(o.inputs) == 1
    }


def _vector(arrays: Sequence[Any]) -> Any:
    return jnp.concatenate([a.reshape(-1) for a in arrays]) if len(arrays) > 1 else arrays[0].reshape(-1)
