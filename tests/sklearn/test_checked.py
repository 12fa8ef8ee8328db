"""Parameters are refused at the door, with what to write."""

import pytest

from jaxnn.sklearn import MLPClassifier
from jaxnn.sklearn.checked import check_parameters

GIVEN = MLPClassifier().get_params()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("alpha", -1.0, "at least 0"),
        ("alpha", float("nan"), "at least 0"),
        ("alpha", "1", "at least 0"),
        ("learning_rate_init", 0.0, "above 0"),
        ("dropout", 1.0, "at least 0 and below 1"),
        ("momentum", 1.5, "at most 1"),
        ("beta_1", True, "must be a number"),
        ("solver", "newton", "'adam', 'sgd', 'lbfgs'"),
        ("solver", ["adam"], "'adam', 'sgd', 'lbfgs'"),
        ("dtype", "bfloat16", "float32"),
        ("shuffle", "no", "True or False"),
        ("max_iter", 2.5, "whole number"),
        ("batch_size", 0, "whole number"),
        ("hidden_layer_sizes", (8, 0), "hidden_layer_sizes must be > 0"),
        ("hidden_layer_sizes", "8", "hidden_layer_sizes must be > 0"),
        ("activation", "swoosh", "swoosh"),
        ("optimizer", "lion", "optax.adamw"),
    ],
)
def test_a_parameter_that_does_not_fit(name, value, told):
    with pytest.raises(ValueError, match=told):
        check_parameters(GIVEN | {name: value})


def test_what_fits_passes():
    check_parameters(GIVEN | dict(momentum=1, n_iter_no_change=float("inf"), hidden_layer_sizes=8, batch_size=7))
    with pytest.raises(ValueError, match="takes the place of the solver"):
        check_parameters(GIVEN | dict(optimizer=lambda rate: rate, solver="lbfgs"))
