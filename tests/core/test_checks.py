import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.core import checks
from jaxnn.core.checks import SpecError


def test_the_path_grows_from_inside_out():
    with pytest.raises(SpecError) as caught, checks.at("model"), checks.at("dense_0"):
        raise SpecError("3 features, 4 expected")
    assert str(caught.value) == "model/dense_0: 3 features, 4 expected"
    assert caught.value.path == ("model", "dense_0")
    assert isinstance(caught.value, ValueError)


def test_other_errors_pass_untouched():
    with pytest.raises(KeyError, match="a"), checks.at("model"):
        raise KeyError("a")


@pytest.mark.parametrize("value", [1, 0.5, -3, float("nan"), float("inf")])
def test_plain_numbers_are_concrete(value):
    assert checks.is_concrete(value)


@pytest.mark.parametrize("value", [True, None, "1", jnp.ones(()), [1]])
def test_all_else_is_not(value):
    assert not checks.is_concrete(value)


def test_tracers_are_not_concrete():
    jax.jit(lambda a: a if not checks.is_concrete(a) else pytest.fail("concrete"))(1.0)


CASES = [
    (checks.rate, [0, 0.5, 0.999], [1, 1.0, -0.1, float("nan")]),
    (checks.fraction, [0, 0.5, 1], [1.01, -0.1, float("nan")]),
    (checks.positive, [1e-30, 3], [0, 0.0, -1, float("nan")]),
    (checks.not_negative, [0, 3.5], [-1e-30, float("nan")]),
]


@pytest.mark.parametrize(("check", "good", "bad"), CASES, ids=lambda v: getattr(v, "__name__", ""))
def test_validators_of_numbers(check, good, bad):
    for value in good:
        check("eps", value, "Layer(eps=1e-3)")
    for value in bad:
        with pytest.raises(ValueError, match=r"^eps must .*, got .*; write Layer\(eps=1e-3\)$"):
            check("eps", value, "Layer(eps=1e-3)")
        jax.jit(lambda v: check("eps", v, "") or v)(value)
        check("eps", jnp.asarray(value), "")


@pytest.mark.parametrize("value", [0, -1, 1.0, 2.5, True, "3", None, np.ones(())])
def test_sizes_are_whole_numbers_of_at_least_one(value):
    checks.size("units", 3, "")
    with pytest.raises(ValueError, match=r"^units must be a whole number of at least 1, got .*; write Dense\(3\)$"):
        checks.size("units", value, "Dense(3)")


def test_the_error_of_a_missing_key_shows_the_call(key):
    assert checks.key_needed("Dropout", key) is key
    model = nn.Sequential(nn.Dense(2), nn.Residual(nn.Dropout(0.5)))
    params, state = model.init(key, jnp.ones((1, 2)))
    with pytest.raises(SpecError, match=r"^residual_0/dropout_0: Dropout draws .* write apply\(.*key=.*train=True\)$"):
        model.apply(params, state, jnp.ones((1, 2)), train=True)
