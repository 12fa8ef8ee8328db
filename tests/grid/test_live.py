"""What is alive at once in a traced program, beside sums by hand."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxnn.grid.live import bytes_of, live, taken

ROW = np.ones(100, np.float32)  # 400 bytes


def of(function, *args):
    return live(jax.make_jaxpr(function)(*args).jaxpr)


def test_an_operand_lives_until_its_last_use():
    def chain(x):
        for _ in range(5):
            x = jnp.sin(x)
        return x

    def fan(x):
        a, b, c = jnp.sin(x), jnp.cos(x), jnp.tan(x)
        return a * b * c

    assert of(chain, ROW) == 2 * 400
    assert of(fan, ROW) == 4 * 400
    assert of(lambda x: x, ROW) == 0


def test_what_nobody_reads_does_not_stay():
    assert of(lambda x: (jnp.sin(x), jnp.cos(x))[1], ROW) <= 2 * 400


def test_a_loop_holds_what_comes_out_of_it_beside_what_its_body_makes():
    def stacked(x):
        return jax.lax.scan(lambda c, _: (c + 1, jnp.sin(c)), x, None, length=10)[1]

    assert 10 * 400 + 2 * 400 <= of(stacked, ROW) <= 10 * 400 + 3 * 400
    assert of(lambda x: jax.lax.while_loop(lambda c: c.sum() < 0, jnp.sin, x), ROW) >= 800


def test_of_branches_the_larger_counts_and_a_call_counts_once():
    def branch(x):
        return jax.lax.cond(x[0] > 0, lambda: jnp.outer(x, x).sum(), lambda: x.sum())

    assert 40_000 <= of(branch, ROW) < 41_000
    assert of(jax.jit(jnp.sin), ROW) == 400


def test_arguments_count_and_of_several_devices_what_each_has():
    mesh = jax.make_mesh((1,), ("member",), axis_types=(jax.sharding.AxisType.Auto,))
    split = jax.shard_map(jnp.sin, mesh=mesh, in_specs=jax.P("member"), out_specs=jax.P("member"))
    one = jax.make_jaxpr(jnp.sin)(ROW).jaxpr
    assert taken(one) == taken(jax.make_jaxpr(split)(ROW).jaxpr, 2) == 800


def test_keys_are_two_words():
    assert bytes_of(jax.random.key(0)) == 8 and bytes_of(np.float64(1)) == 8 and bytes_of(jnp.ones((0, 3))) == 0
