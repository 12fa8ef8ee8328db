"""Files of NumPy answer as the model does, in a process that has nothing else."""

import subprocess
import sys

import numpy as np
import pytest

import jaxnn as nn
from jaxnn.data.split import standardise
from tests.export.cases import (
    ALONE,
    LAYERS,
    MODELS,
    ROWS,
    TWO,
    answers,
    close,
    floats,
    made,
    mask,
    model_of,
    module,
    named,
    steps,
)


@pytest.mark.parametrize("name", [*MODELS, *LAYERS])
def test_the_file_answers_as_the_model_for_100_5_and_1_rows(name, tmp_path):
    model, x, wanted = made(name)
    file = module(nn.export(model, "numpy", tmp_path / "model.py", output="outputs"))
    for rows in (ROWS, 5, 1):
        found = file.answer(**named(model, x, rows))
        assert found.dtype == np.float32
        close(found, wanted[:rows])


@pytest.mark.parametrize("name", ALONE)
def test_a_layer_without_a_formula_is_refused_with_its_path(name, tmp_path):
    with pytest.raises(ValueError, match=r"has no formula of NumPy here; write nn.export\(run, \"onnx\", path\)"):
        nn.export(made(name)[0], "numpy", tmp_path / "model.py")
    assert not [*tmp_path.iterdir()]


def test_an_activation_of_ones_own_is_refused(tmp_path):
    model = model_of(nn.Sequential(nn.Dense(3, abs)), floats(4))
    with pytest.raises(ValueError, match=r"dense_0: the activation <built-in function abs> has no formula"):
        nn.export(model, "numpy", tmp_path / "model.py")


def test_the_file_reads_like_the_formulas(tmp_path):
    text = nn.export(model_of(nn.mlp((8,), out=3), floats(4)), "numpy", tmp_path / "model.py").read_text()
    assert 'x2 = relu(dense(x1, W["dense_0/kernel"], W["dense_0/bias"]))' in text
    assert 'x3 = dense(x2, W["dense_1/kernel"], W["dense_1/bias"])' in text
    assert "def dense" in text and "def lstm" not in text and "allow_pickle=False" in text


def test_a_process_with_numpy_alone(tmp_path):
    model, x, wanted = made("lenet")
    nn.export(model, "numpy", tmp_path / "net.py", output="outputs")
    np.savez(tmp_path / "rows.npz", x=x)
    code = (
        "import sys, numpy, net\n"
        "numpy.save('found.npy', net.answer(numpy.load('rows.npz')['x']))\n"
        "assert not {'jax', 'jaxnn', 'ml_dtypes', 'scipy'} & set(sys.modules), 'more than NumPy'"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    close(np.load(tmp_path / "found.npy"), wanted)


@pytest.mark.parametrize("output", [None, "outputs", "probabilities", "predictions"])
@pytest.mark.parametrize("loss", ["softmax_cross_entropy", "sigmoid_cross_entropy"])
def test_outputs_are_read_as_the_model_reads_them(loss, output, tmp_path):
    x = floats(4)
    for units in (3, 1) if loss == "sigmoid_cross_entropy" else (3,):
        model = model_of(nn.Dense(units), x, loss)
        file = module(nn.export(model, "numpy", tmp_path / "model.py", output=output))
        wanted = {"outputs": model.outputs, "predictions": model.predict}.get(output, model.predict_proba)(x)
        close(file.answer(x), wanted)


@pytest.mark.parametrize(("loss", "units"), [("squared_error", 1), ("poisson", 2), ("gaussian_nll", 2), ("hinge", 1)])
def test_values_are_those_of_predict(loss, units, tmp_path):
    model = model_of(nn.Dense(units), floats(4), loss)
    file = module(nn.export(model, "numpy", tmp_path / "model.py"))
    close(file.answer(floats(4)), model.predict(floats(4)))


def test_two_outputs_each_under_its_loss(tmp_path):
    spec, x = TWO
    model = model_of(spec, x, {"digit": "softmax_cross_entropy", "ink": "squared_error"})
    found = module(nn.export(model, "numpy", tmp_path / "model.py")).answer(x)
    wanted = answers(model, x)
    assert list(found) == ["digit", "ink"]
    for name in found:
        close(found[name], wanted[name])


@pytest.mark.parametrize("several", [False, True])
def test_scaling_is_inside(several, tmp_path):
    x = (7 + 3 * steps, mask()) if several else 7 + 3 * floats(4)
    spec = nn.rnn_classifier(4, 2, "gru") if several else nn.Dense(2)
    model = model_of(spec, x, standardiser=standardise(x))
    file = module(nn.export(model, "numpy", tmp_path / "model.py"))
    close(file.answer(**named(model, x)), model.predict(x))


def test_what_stands_in_masked_steps_does_not_count(tmp_path):
    model, (x, real), wanted = made("gru, both ways")
    file = module(nn.export(model, "numpy", tmp_path / "model.py"))
    close(file.answer(np.where(real[..., None], x, np.nan), real), wanted)


def test_weights_of_another_file_are_refused(tmp_path):
    x = floats(4)
    path = nn.export(model_of(nn.Dense(2), x), "numpy", tmp_path / "model.py")
    nn.export(model_of(nn.Dense(3), x), "numpy", tmp_path / "other.py")
    (tmp_path / "other.npz").replace(tmp_path / "model.npz")
    with pytest.raises(ValueError, match=r"model.npz is damaged, or was not written with model.py"):
        module(path)


def test_a_name_that_python_cannot_import_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"'my-model' is no name that Python imports"):
        nn.export(model_of(nn.Dense(2), floats(4)), "numpy", tmp_path / "my-model.py")


@pytest.mark.parametrize("name", ["class", "my col", "np", "W", "x=print()"])
def test_a_name_that_python_cannot_have_is_refused(name, tmp_path):
    x = {name: np.ones((2, 3), np.float32)}
    model = nn.Model(nn.Graph(("a", nn.Lambda(lambda v: v), name)), {"a": {}}, {}, "squared_error", row=x)
    with pytest.raises(ValueError, match="is no name that a function of Python may have"):
        nn.export(model, "numpy", tmp_path / "model.py")
