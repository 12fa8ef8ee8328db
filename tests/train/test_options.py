"""Options: what is right passes whatever its kind, what is not is refused; contract/test_door has the sentences."""

from pathlib import Path

import jax
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.train.options import check_hparams, check_key, check_options, whole


@pytest.mark.parametrize("value", [1, 32, np.int64(3), np.uint8(1), 2**31 - 1])
def test_whole_numbers_of_any_kind_pass(value):
    whole("epochs", value)
    whole("n", 0, 0)


@pytest.mark.parametrize("value", [0, -1, True, 1.0, "3", None, 2**31, np.float32(2)])
def test_what_is_no_whole_number_is_refused(value):
    with pytest.raises(ValueError, match="epochs must be"):
        whole("epochs", value)


def test_options_of_every_right_kind_pass():
    check_options()
    check_options(batch_size=None, stop=nn.EarlyStopping(), shuffle_seed=np.int64(3), callbacks=(print,))
    check_options(folder=Path("a"), shuffle=np.bool_(False), standardise=True)
    check_options(batch_size=5, precision="bfloat16", callbacks=[print, len], folder="a", progress=False)


@pytest.mark.parametrize("name", ["seed", "batch_size", "epochs"])
def test_arguments_of_fit_are_no_hyperparameters(name):
    with pytest.raises(ValueError, match=rf"{name} is an argument of its own.*write fit\(\.\.\., {name}=3\)"):
        check_hparams({"lr": 0.1, name: 3})


def test_hyperparameters_are_copied_and_none_are_an_empty_dict():
    given = {"lr": 0.1}
    assert check_hparams(given) == given and check_hparams(given) is not given and check_hparams(None) == {}


def test_keys_of_both_kinds_pass_and_traced_ones():
    for key in (jax.random.key(0), jax.random.PRNGKey(0)):
        assert check_key(key) is key
    assert jax.eval_shape(check_key, jax.random.key(0)).shape == ()
