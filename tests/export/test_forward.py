"""The model as one function: what it answers is what the model answers, and what it cannot be is told."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas
import pytest
from sklearn.preprocessing import StandardScaler

import jaxnn as nn
from jaxnn.core.precision import precision_of
from jaxnn.data.split import standardise
from jaxnn.export.columns import encode
from jaxnn.export.forward import forward
from tests.export.cases import TWO, answers, close, floats, ids, mask, model_of, steps

X = floats(4)
READ = {"outputs": "outputs", "probabilities": "predict_proba", "predictions": "predict"}


@pytest.mark.parametrize("output", READ)
@pytest.mark.parametrize(
    ("loss", "units"), [("softmax_cross_entropy", 3), ("sigmoid_cross_entropy", 1), ("sigmoid_cross_entropy", 3)]
)
def test_outputs_are_read_as_the_model_reads_them(loss, units, output):
    model = model_of(nn.Dense(units), X, loss)
    close(answers(model, X, output=output), getattr(model, READ[output])(X))


@pytest.mark.parametrize(("loss", "units"), [("squared_error", 1), ("poisson", 2), ("gaussian_nll", 2), ("hinge", 1)])
def test_values_come_out_as_predict_gives_them(loss, units):
    model = model_of(nn.Dense(units), X, loss)
    close(answers(model, X), model.predict(X))


def test_a_loss_without_probabilities_is_told():
    with pytest.raises(ValueError, match=r"this loss gives no probabilities; write run.predict"):
        forward(model_of(nn.Dense(1), X), output="probabilities")


def test_two_outputs_have_their_names_losses_and_classes():
    spec, x = TWO
    loss = {"digit": "softmax_cross_entropy", "ink": "squared_error"}
    model = model_of(spec, x, loss, classes={"digit": ("a", "b", "c"), "ink": None})
    told = forward(model).about["outputs"]
    assert [(o["name"], o["kind"], o["task"], o["classes"]) for o in told] == [
        ("digit", "probabilities", "classes", ["a", "b", "c"]), ("ink", "predictions", "values", None)
    ]  # fmt: skip
    wanted = model.predict_proba(x)["digit"]
    close(answers(model, x)["digit"], wanted)


@pytest.mark.parametrize("loss", ["softmax_cross_entropy", "squared_error"])
@pytest.mark.parametrize("output", [None, "outputs", "predictions"])
def test_an_ensemble_is_one_function(loss, output):
    runs = [nn.train.result.Run(model_of(nn.Dense(3), X + i, loss), {}, 0, {}, 0) for i in range(2)]
    other = dataclasses.replace(runs[1].model, params=jax.tree.map(lambda a: -2 * a, runs[1].model.params))
    both = nn.Ensemble((runs[0], dataclasses.replace(runs[1], model=other)))
    read = "outputs" if output == "outputs" else "predict_proba" if loss[0] == "s" and output is None else "predict"
    if read == "predict_proba" and loss == "squared_error":
        read = "predict"
    close(answers(both, X, output=output), getattr(both, read)(X))


@pytest.mark.parametrize("kind", ["rows", "masked", "tree"])
def test_scaling_is_inside(kind):
    x = {"rows": 7 + 3 * X, "masked": (7 + 3 * steps, mask()), "tree": {"a": 7 + 3 * X, "b": ids(9)}}[kind]
    join = nn.Graph(("e", nn.Embed(9, 4), "b"), ("m", nn.GlobalAvgPool(), "e"), ("y", nn.Join(), ("a", "m")))
    spec = {"rows": nn.Dense(2), "masked": nn.rnn_classifier(3, 2), "tree": join}[kind]
    model = model_of(spec, x, standardiser=standardise(x))
    close(answers(model, x), model.predict(x))


def test_a_table_comes_in_as_numbers():
    draw = np.random.default_rng(0)
    table = pandas.DataFrame({
        "size": draw.normal(70, 9, 60), "city": draw.choice(["Bern", "Ulm"], 60), "new": draw.random(60) > 0.5,
        "built": pandas.Timestamp("1990-01-01") + pandas.to_timedelta(draw.integers(0, 9999, 60), "D"),
    })  # fmt: skip
    table["sold"] = np.where(table["size"] > 70, "yes", "no")
    table.loc[::7, ["size", "city"]] = None
    trial = nn.Trial(nn.Dense(2), "softmax_cross_entropy", optax.adam(0.1))
    run = nn.fit(trial, (table, "sold"), epochs=2, progress=False)
    told = forward(run).about
    assert told["columns"][:2] == [{"name": "size", "kind": "number"},
                                   {"name": "city", "kind": "text", "categories": ["Bern", "Ulm"]}]  # fmt: skip
    assert told["outputs"][0]["classes"] == ["no", "yes"] and told["features"] == ["size", "city", "new", "built"]
    new = table.drop(columns="sold")
    new.loc[1, "city"] = "Paris"
    close(answers(run, encode(run.prepare, new)), run.predict_proba(new))


def test_a_transformer_of_another_library_is_refused():
    scaler = StandardScaler().fit(X)
    model = model_of(nn.Dense(2), X, prepare=scaler)
    with pytest.raises(ValueError, match=r"a StandardScaler cannot be part of a tensor program; train with prepare=nn"):
        forward(model)
    bare = dataclasses.replace(model, prepare=None)
    close(answers(bare, scaler.transform(X).astype(np.float32)), model.predict(X))


def test_weights_of_half_precision_are_cast():
    model = model_of(nn.mlp((8,), out=3), X, precision=precision_of("bfloat16"))
    half = dataclasses.replace(model, params=jax.tree.map(lambda a: jnp.asarray(a, jnp.bfloat16), model.params))
    made = forward(half)
    assert {str(a.dtype) for a in jax.tree.leaves((made.weights, made.outputs))} == {"float32"}
    wanted = dataclasses.replace(half, params=jax.tree.map(np.float32, half.params), precision=None).predict(X)
    close(answers(half, X), wanted)


def test_what_cannot_be_exported_says_what_to_write(tmp_path):
    x, model = X, model_of(nn.Dense(2), X)
    for bad, message in [
        ([model], "a list is no trained model; write nn.export"),
        (dataclasses.replace(model, row=None), "knows no row of its inputs"),
    ]:
        with pytest.raises(ValueError, match=message):
            forward(bad)
    with pytest.raises(ValueError, match=r"output must be one of 'probabilities', .*, got 'logits'"):
        forward(model, output="logits")
    with pytest.raises(ValueError, match="batch must be a whole number of at least 1"):
        forward(model, batch=0)
    odd = model_of(nn.Lambda(lambda x: x if x.shape[0] > 1 else -x), x)
    with pytest.raises(ValueError, match=r"cannot be followed for an unknown number of rows .*; write batch=32"):
        forward(odd)
    close(answers(odd, x, batch=100), x)


def test_a_feature_too_far_from_zero_is_told():
    x = np.float64(1.6e9) + 30 * np.float64(X)
    with pytest.warns(UserWarning, match=r"has the mean 1.6e\+09 and the scale .*: the exported model takes float32"):
        forward(model_of(nn.Dense(2), X, standardiser=standardise(x)))
