"""Numbers of an optimizer: their dtypes, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnn.optim.rates import as_float, step_size, strength, wide


@pytest.mark.parametrize("value", [3, 3.0, np.float64(3), jnp.int32(3), True])
@pytest.mark.parametrize("x64", [False, True])
def test_a_number_has_the_default_dtype_and_never_a_weak_one(value, x64):
    with jax.enable_x64(x64):
        array = as_float(value)
        assert (array.dtype, array.weak_type) == (jnp.float64 if x64 else jnp.float32, False)


def test_a_scan_may_carry_it():
    assert float(jax.lax.scan(lambda c, _: (c * as_float(2), None), as_float(1), length=3)[0]) == 8.0


def test_the_step_size_is_the_rate_or_the_schedule_times_the_scale():
    schedule = lambda count: 0.1 / (1 + as_float(count))  # noqa: E731
    np.testing.assert_allclose(step_size(schedule, jnp.int32(4), 0.5), 0.01, rtol=1e-6)
    np.testing.assert_allclose(jax.grad(lambda r: step_size(r, 4, 0.5))(0.3), 0.5)


def test_running_averages_are_never_narrower_than_float32():
    assert [wide(jnp.dtype(name)) for name in ("float16", "bfloat16", "float32")] == [jnp.float32] * 3
    assert wide(jnp.dtype("float64")) == jnp.float64


def test_strengths_that_are_refused_and_those_that_pass():
    with pytest.raises(ValueError, match="the strength must be a number, got <function"):
        strength("the strength", lambda count: 0.1, "nn.l2(1e-4)")
    with pytest.raises(ValueError, match=r"the strength .*-1.*nn\.l2\(1e-4\)"):
        strength("the strength", -1.0, "nn.l2(1e-4)")
    strength("the strength", 0.0, "nn.l2(1e-4)")
    jax.jit(lambda s: strength("the strength", s, "nn.l2(1e-4)"))(-1.0)  # a tracer has no value to look at
