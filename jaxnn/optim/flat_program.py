"""A traced function as a plain list of operations, nested calls written out, equal scalars computed once."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

NESTED = {"pjit": "jaxpr", "jit": "jaxpr", "closed_call": "call_jaxpr", "custom_jvp_call": "call_jaxpr"}


class Operation(NamedTuple):
    """An operation: a primitive of JAX, its parameters, and the slots that it reads and writes."""

    primitive: Any
    params: dict[str, Any]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    def run(self, values: list[Any]) -> list[Any]:
        """What it makes of values of its inputs."""
        bound = self.primitive.get_bind_params(self.params)
        functions, params = bound if isinstance(bound, tuple) else ((), bound)  # which it is depends on JAX's version
        made = self.primitive.bind(*functions, *values, **params)
        return list(made) if self.primitive.multiple_results else [made]


class FlatProgram:
    """The operations of a function of trees, in order, over numbered slots.

    Args:
        function: from trees of arrays to a tree of arrays.
        *args: its arguments, or their shapes.

    Example:
        >>> import jax.numpy as jnp
        >>> program = FlatProgram(lambda x: jnp.where(x > 0, x, 0) * 2.0, jnp.ones(3))
        >>> [operation.primitive.name for operation in program.operations][-1]
        'mul'
    """

    def __init__(self, function: Callable, *args: Any):
        closed, shape = jax.make_jaxpr(function, return_shape=True)(*args)
        self.tree = jax.tree.structure(shape)
        self.operations: list[Operation] = []
        self.constants: dict[int, Any] = {}
        self.shapes: list[tuple[int, ...]] = []
        self.dtypes: list[Any] = []
        self._known: dict[Any, tuple[int, ...]] = {}
        self.inputs = [self._new(v.aval) for v in closed.jaxpr.invars]
        self.outputs = self._write(closed.jaxpr, closed.consts, self.inputs)

    def _new(self, aval: Any) -> int:
        self.shapes.append(tuple(aval.shape))
        self.dtypes.append(aval.dtype)
        return len(self.shapes) - 1

    def _constant(self, value: Any, aval: Any) -> int:
        key = (
            "constant",
            str(aval),
            repr(value) if np.ndim(value) == 0 and not isinstance(value, jax.Array) else id(value),
        )
        if key not in self._known:
            self._known[key] = (self._new(aval),)
            self.constants[self._known[key][0]] = value
        return self._known[key][0]

    def _write(self, jaxpr: Any, consts: Any, given: list[int]) -> list[int]:
        slots = dict(zip(jaxpr.invars, given, strict=True))
        slots |= {v: self._constant(c, v.aval) for v, c in zip(jaxpr.constvars, consts, strict=True)}

        def read(v: Any) -> int:
            return self._constant(v.val, v.aval) if hasattr(v, "val") else slots[v]  # a literal, or a variable

        for eqn in jaxpr.eqns:
            inputs = [read(v) for v in eqn.invars]
            name = eqn.primitive.name
            if name in NESTED:
                inner = eqn.params[NESTED[name]]
                results = self._write(inner.jaxpr, inner.consts, inputs)
            else:
                results = self._operation(eqn, tuple(inputs))
            slots.update(zip(eqn.outvars, results, strict=True))
        return [read(v) for v in jaxpr.outvars]

    def _operation(self, eqn: Any, inputs: tuple[int, ...]) -> tuple[int, ...]:
        scalar = all(not v.aval.shape for v in eqn.outvars) and all(not self.shapes[v] for v in inputs)
        key = (eqn.primitive.name, str(eqn.params), inputs) if scalar else None
        if key in self._known:
            return self._known[key]
        outputs = tuple(self._new(v.aval) for v in eqn.outvars)
        self.operations.append(Operation(eqn.primitive, eqn.params, inputs, outputs))
        if key is not None:
            self._known[key] = outputs
        return outputs
