import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jaxnn as nn
from jaxnn.core.codec import from_json, to_json
from jaxnn.core.names import ACTIVATIONS, INITIALIZERS

RATES = st.floats(0, 1, exclude_max=True)
LAYERS = st.recursive(
    st.one_of(
        st.builds(
            nn.Dense,
            st.integers(1, 9),
            st.none() | st.sampled_from([*ACTIVATIONS, *ACTIVATIONS.values()]),
            st.booleans(),
            st.sampled_from([*INITIALIZERS, *INITIALIZERS.values()]),
        ),
        st.builds(nn.Dropout, RATES, st.none() | st.lists(st.none() | st.integers(1, 3), max_size=3).map(tuple)),
        st.builds(nn.BatchNorm, RATES, st.floats(1e-9, 1), st.booleans(), st.booleans()),
        st.builds(nn.Activation, st.sampled_from(list(ACTIVATIONS))),
        st.just(nn.Flatten()),
    ),
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda layers: nn.Sequential(*layers)) | st.builds(nn.Residual, inner)
    ),
    max_leaves=6,
)


@given(LAYERS)
@settings(max_examples=150, deadline=None)
def test_every_spec_comes_back_equal(model):
    text = nn.to_json(model)
    assert nn.from_json(text) == model
    assert hash(nn.from_json(text)) == hash(model)
    assert nn.to_json(nn.from_json(text)) == text


def test_the_text_is_plain_json_by_class_and_field():
    model = nn.Sequential(nn.Dense(3, "relu"), nn.Residual(nn.Dropout(0.5)))
    assert json.loads(nn.to_json(model)) == {
        "class": "Sequential",
        "layers": [
            {"class": "Dense", "units": 3, "activation": "relu"},
            {"class": "Residual", "layer": {"class": "Dropout", "rate": 0.5}},
        ],
    }


def test_a_number_that_is_an_array_becomes_a_number():
    assert (
        nn.to_json(nn.Dropout(jnp.float32(0.5)))
        == nn.to_json(nn.Dropout(np.float64(0.5)))
        == nn.to_json(nn.Dropout(0.5))
    )


def test_numbers_that_json_has_no_word_for():
    @nn.spec
    class ClampWithoutWords:
        low: float = nn.hyper(-math.inf)
        high: float = nn.hyper(0.0)

    assert nn.to_json(ClampWithoutWords()) == '{"class": "ClampWithoutWords"}'
    for value in (math.inf, -math.inf):
        text = nn.to_json(ClampWithoutWords(high=value))
        assert json.loads(text, parse_constant=pytest.fail) == {
            "class": "ClampWithoutWords",
            "high": {"float": str(value)},
        }
        assert nn.from_json(text).high == value
    assert math.isnan(nn.from_json(nn.to_json(ClampWithoutWords(high=math.nan))).high)


@pytest.mark.parametrize(
    ("model", "path"),
    [
        (nn.Dense(3, lambda x: x), "Dense.activation is the function '<lambda>'"),
        (
            nn.Sequential(nn.Flatten(), nn.Dense(3, kernel_init=np.zeros)),
            r"Sequential.layers\[1\].kernel_init is the func",
        ),
        (nn.Dropout(np.array([0.1, 0.2])), "Dropout.rate is array"),
    ],
)
def test_what_json_cannot_hold_is_named_by_its_path(model, path):
    with pytest.raises(ValueError, match=path):
        nn.to_json(model)


def test_a_traced_number_is_refused():
    with pytest.raises(ValueError, match=r"Dropout.rate is .*outside of jit"):
        jax.jit(lambda rate: nn.to_json(nn.Dropout(rate)) and rate)(0.5)


HOSTILE = {
    "": "no JSON",
    "not json": "no JSON",
    "{": "no JSON",
    '{"class": "Dense"': "no JSON",
    "[" * 100_000: "no JSON",
    '{"class": "Residual", "layer": ' * 5_000 + "1" + "}" * 5_000: "JSON",
    "9" * 5_000: "no JSON",
    "3": "of no model",
    "null": "of no model",
    "[]": "of no model",
    '"Dense"': "of no model",
    '{"dict": {}}': "of no model",
    '{"float": "nan"}': "of no model",
    "{}": "no layer is named None",
    '{"class": 3}': "no layer is named 3",
    '{"class": ["Dense"]}': "no layer is named",
    '{"class": "os.system", "command": "true"}': "no layer is named 'os.system'",
    '{"class": "__import__"}': "no layer is named '__import__'",
    '{"class": "Dense", "units": 3, "__class__": "x"}': "Dense has no field '__class__'",
    '{"class": "Dense", "self": 3}': "Dense has no field 'self'",
    '{"class": "Dense"}': "Dense cannot be built",
    '{"class": "Dense", "units": -1}': "units must be a whole number",
    '{"class": "Dense", "units": "3"}': "units must be a whole number",
    '{"class": "Dense", "units": true}': "units must be a whole number",
    '{"class": "Dense", "units": 3, "activation": "evil"}': "no activation is named 'evil'",
    '{"class": "Dense", "units": 3, "activation": {"function": "eval"}}': "Dense.activation: no layer is named None",
    '{"class": "Dense", "units": 3, "activation": {"dict": {}}}': "Dense cannot be built",
    '{"class": "Dense", "units": 3, "activation": {"function": []}}': "Dense.activation: no layer is named None",
    '{"class": "Dropout", "rate": "0.5"}': "Dropout.rate must be a number",
    '{"class": "Dropout", "rate": [0.5]}': "Dropout.rate must be a number",
    '{"class": "Dropout", "rate": true}': "Dropout.rate must be a number",
    '{"class": "Dropout", "rate": 1.5}': r"rate must lie in \[0, 1\)",
    '{"class": "Dropout", "rate": NaN}': r"rate must lie in \[0, 1\)",
    '{"class": "Dropout", "rate": {"float": "1e400"}}': "Dropout.rate: no layer is named None",
    '{"class": "Dropout", "rate": {"float": []}}': "Dropout.rate: no layer is named None",
    '{"class": "Sequential", "layers": [1]}': "Sequential.layers must hold layers",
    '{"class": "Sequential", "layers": "Dense"}': "Sequential.layers must hold layers",
    '{"class": "Sequential", "layers": [{"class": "Dense", "units": 0}]}': "units must be a whole number",
    '{"class": "Residual", "layer": "Dense"}': "Residual.layer must hold layers",
}


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:60])
def test_hostile_text_is_refused_in_one_sentence(text):
    with pytest.raises(ValueError, match=HOSTILE[text]) as caught:
        nn.from_json(text)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("text", [None, 3, b"\xff\xfe\x00"])
def test_what_is_no_text_is_refused(text):
    with pytest.raises(ValueError, match="no JSON of a model"):
        nn.from_json(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda v: (
            st.lists(v)
            | st.dictionaries(
                st.sampled_from(["class", "dict", "float", "function", "layers", "layer", "units", "rate", "x"]),
                v | st.sampled_from(["Dense", "Sequential", "Residual", "Dropout", "nan"]),
            )
        ),
    )
)
@settings(max_examples=300, deadline=None)
def test_any_json_gives_a_spec_or_a_clear_error(tree):
    try:
        model = nn.from_json(json.dumps(tree))
    except ValueError:
        return
    assert nn.from_json(nn.to_json(model)) == model


def test_modules_beside_the_text_have_a_name_each():
    linen = pytest.importorskip("flax.linen")
    from jaxnn.interop.flax import from_linen

    three, four = (from_linen(linen.Dense(n), name="mine") for n in (3, 4))
    model = nn.Sequential(three, nn.Activation("tanh"), from_linen(linen.Dense(3), name="mine"))
    modules: dict = {}
    text = to_json(model, modules=modules)
    assert modules == {"mine": three.module} and "Dense" not in text.replace("LinenLayer", "")
    assert from_json(text, modules={"mine": three.module}) == model == from_json(text, modules={"mine": three})
    with pytest.raises(ValueError, match=r"is a second module called 'mine'; write from_linen\(module, name='...'\)"):
        to_json(nn.Sequential(three, four), modules={})
    with pytest.raises(ValueError, match=r"is the module 'mine', which JSON cannot hold; run.save\(path\) writes"):
        to_json(three)
    told = r"is the module 'mine', which no file holds; modules= holds 'other'; write nn.load\(path, modules=\{'mine'"
    with pytest.raises(ValueError, match=told):
        from_json(text, modules={"other": three.module})
    with pytest.raises(ValueError, match=r"is the module 'mine', which no file holds; write nn.load"):
        from_json(text)
