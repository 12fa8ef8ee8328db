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
    checks.size("units", 1, "")
    with pytest.raises(ValueError, match=r"^units must be a whole number of at least 1, got .*; write Dense\(3\)$"):
        checks.size("units", value, "Dense(3)")


def test_the_error_of_a_missing_key_shows_the_call(key):
    assert checks.key_needed("Dropout", key) is key
    model = nn.Sequential(nn.Dense(2), nn.Residual(nn.Dropout(0.5)))
    params, state = model.init(key, jnp.ones((1, 2)))
    with pytest.raises(SpecError, match=r"^residual_0/dropout_0: Dropout draws .* write apply\(.*key=.*train=True\)$"):
        model.apply(params, state, jnp.ones((1, 2)), train=True)


@pytest.mark.parametrize("shape", [(), (5,), (1,), (4, 1)])
def test_what_may_be_one_row_alone_is_told_how_to_be_one(shape):
    told = str(checks.misfit("Dense", "a kernel (4, 3)", np.ones(shape), "(batch, 4)"))
    assert told == (
        f"Dense holds a kernel (4, 3) and got inputs {shape}; write inputs (batch, 4) (one row alone is x[None]), "
        "which its weights were made for"
    )


@pytest.mark.parametrize("shape", [(4, 2), (1, 2), (4, 0), (4, 1, 1), (4, 2, 1), (4, 1, 2)])
def test_rows_are_not_told_to_be_one(shape):
    told = checks.misfit("Dense", "a kernel (4, 3)", np.ones(shape), "(batch, 4)")
    assert "x[None]" not in str(told) and f"got inputs {shape};" in str(told) and told.path == ()


def test_the_path_is_that_of_the_layer_at_work():
    assert checks.path() == ()
    with checks.at("a"), checks.at("b"):
        assert checks.path() == ("a", "b")
    with pytest.raises(SpecError), checks.at("c"):
        raise SpecError("no")
    assert checks.path() == () and str(SpecError("no")) == "no" and str(SpecError("no", ("a", "b"))) == "a/b: no"


@pytest.mark.parametrize(
    ("result", "found"),
    [(3.0, "float"), ((1, 2, 3), "tuple"), ((1,), "tuple"), ([1, {}], "list"), (np.ones((2, 3)), r"an array \(2, 3\)")],
)
def test_a_layer_that_forgets_its_state_is_told(result, found):
    whole = (result, {})
    assert checks.pair(nn.Dense(2), whole) is whole
    with pytest.raises(SpecError, match=f"^apply of Dense returned {found}, and not .*; write return y, state$"):
        checks.pair(nn.Dense(2), result)


@pytest.mark.parametrize("check", [case[0] for case in CASES], ids=lambda v: v.__name__)
def test_text_is_told_to_be_text(check):
    with pytest.raises(ValueError, match=r"^eps must be a number, got the text '0.5'; write Layer\(eps=1e-3\)$"):
        check("eps", "0.5", "Layer(eps=1e-3)")
