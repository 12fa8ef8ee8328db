"""A function written out flat computes what it computed."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxnn.optim.flat_program import FlatProgram

X, Y = jnp.linspace(-2.0, 2.0, 5), jnp.float32(3.0)


def run(program, *args):
    values = dict(program.constants) | dict(zip(program.inputs, jax.tree.leaves(args), strict=True))
    for operation in program.operations:
        made = operation.run([values[slot] for slot in operation.inputs])
        values |= dict(zip(operation.outputs, made, strict=True))
    return jax.tree.unflatten(program.tree, [values[slot] for slot in program.outputs])


def nested(tree, y):
    inner = jax.jit(lambda v, w: (jax.nn.relu(v) * w, jax.nn.silu(v)))
    a, b = inner(tree["x"], y)
    last, _ = jax.lax.scan(lambda c, v: (c + v, None), jnp.float32(0), a)
    return {"a": a, "b": (b, last), "x": tree["x"], "c": jnp.float32(2.0)}


def test_it_computes_what_the_function_computes():
    program = FlatProgram(nested, {"x": X}, Y)
    jax.tree.map(np.testing.assert_array_equal, run(program, {"x": X}, Y), nested({"x": X}, Y))


def test_nested_calls_are_written_out_but_loops_stay():
    names = {operation.primitive.name for operation in FlatProgram(nested, {"x": X}, Y).operations}
    assert "scan" in names and "max" in names
    assert not names & {"pjit", "jit", "custom_jvp_call", "closed_call"}


def test_equal_scalars_are_computed_once():
    def twice(x, y):
        return x * (1 - y**3), x / (1 - y**3)

    names = [operation.primitive.name for operation in FlatProgram(twice, X, Y).operations]
    assert names.count("sub") == 1 and names.count("integer_pow") == 1


def test_what_a_function_closes_over_is_known():
    outer = jnp.arange(5.0)

    def inside(y):
        program = FlatProgram(lambda x: x * outer * y, X)
        return run(program, X)

    np.testing.assert_allclose(jax.jit(inside)(Y), X * outer * Y, rtol=1e-6)


def test_long_constants_that_print_alike_are_two():
    one, other = np.ones(2000, np.float32), np.ones(2000, np.float32)
    other[1000] = 5
    assert repr(one) == repr(other)
    x = jnp.ones(2000)
    program = FlatProgram(lambda x: (x * one, x * other), x)
    found = run(program, x)
    np.testing.assert_array_equal(found[0], one)
    np.testing.assert_array_equal(found[1], other)
