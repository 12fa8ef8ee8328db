"""The formulas of NumPy against JAX, where a wrong digit would hide in a network."""

import inspect

import jax
import numpy as np
import pytest

from jaxnn.core.activations import activations
from jaxnn.export import formulas, formulas_activations
from jaxnn.export.numpy import FORMULAS
from tests.export.cases import close

X = np.linspace(-9, 9, 73, dtype=np.float32).reshape(1, -1)


@pytest.mark.parametrize("name", activations)
def test_each_activation_is_that_of_the_table(name):
    found = FORMULAS[name](X)
    assert found.dtype == np.float32
    close(found, jax.jit(activations[name].function)(X))


def test_far_out_nothing_overflows():
    far = np.array([[-1e4, 1e4]], np.float32)
    with np.errstate(over="raise", invalid="raise"):
        for name in ("sigmoid", "softplus", "log_sigmoid", "softmax", "log_softmax", "elu", "selu", "celu", "mish"):
            assert np.isfinite(FORMULAS[name](far)).all()


def test_every_formula_needs_numpy_and_the_others_alone():
    for name, function in FORMULAS.items():
        names = set(function.__code__.co_names)
        hidden = {n for n in names if n in vars(formulas) or n in vars(formulas_activations)}
        assert hidden <= {*FORMULAS, "np", "math"}, name
        assert inspect.getdoc(function)
