"""What a precision says, which words are taken for one, and what it makes of a trace."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.core.precision import NAMED, precision_of


@pytest.mark.parametrize("name", NAMED)
def test_names_stand_for_objects(name):
    found = precision_of(name)
    assert found is NAMED[name] and found.compute == name and str(found) == name and found.param is None
    assert precision_of(found) is found and precision_of(jnp.dtype(name)) is found
    assert precision_of(json.loads(json.dumps(found.plain()))) == found and found.plain() == name
    assert hash(found) == hash(eval(repr(found), {"Precision": nn.Precision}))


def test_nothing_said_is_the_default_of_the_platform():
    assert precision_of(None) is None and precision_of(nn.Precision()) is None


def test_what_is_said_in_full_goes_through_json_and_prints_itself():
    own = nn.Precision(param=jnp.bfloat16, compute=np.float16, output="float32", products="high", loss_scale=4)
    assert (own.param, own.compute, own.loss_scale) == ("bfloat16", "float16", 4.0)
    assert precision_of(json.loads(json.dumps(own.plain()))) == own and own == eval(repr(own), vars(nn))
    assert str(own) == repr(own) != str(NAMED["float16"])


@pytest.mark.parametrize("given", ["int8", "float17", 3, bool, object(), "mixed_int8", {"depth": 3}, [1], ""])
def test_what_is_no_precision_is_refused_by_one_sentence(given):
    with pytest.raises(ValueError, match=r"is no precision|precision must be None, .* got .*; write precision="):
        precision_of(given)


def test_the_names_of_keras_show_ours():
    with pytest.raises(ValueError, match='write precision="float16", whose weights stay float32'):
        precision_of("mixed_float16")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"compute": "int8"}, r"compute must be a floating dtype, got 'int8'; write "),
        ({"param": "float7"}, r"param must be a floating dtype"),
        ({"output": 3}, r"output must be a floating dtype"),
        ({"products": "exact"}, r"products must be one of default, high, .* got 'exact'; write "),
        ({"loss_scale": 0.5}, r"loss_scale must be a number of at least 1, got 0.5; write "),
        ({"loss_scale": True}, r"loss_scale must be a number"),
        ({"loss_scale": float("inf")}, r"loss_scale must be a number"),
        ({"loss_scale": float("nan")}, r"loss_scale must be a number"),
        ({"growth_interval": 0}, r"growth_interval must be a whole number of at least 1, got 0; write "),
        ({"growth_interval": 2.5}, r"growth_interval must be a whole number"),
    ],
)
def test_fields_out_of_range_are_refused(fields, words):
    with pytest.raises(ValueError, match=words):
        nn.Precision(**fields)


@pytest.mark.parametrize("products", [None, "default", "high", "highest"])
def test_products_are_as_exact_as_it_says(products):
    def product(x):
        with nn.Precision(products=products).tracing():
            return x @ x

    text = jax.jit(product).lower(jnp.ones((2, 2))).as_text()
    assert text.count("HIGHEST") == 2 * (products == "highest") and text.count("HIGH,") == (products == "high")
