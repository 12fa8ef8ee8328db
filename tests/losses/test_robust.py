"""Errors that far-off rows cannot rule, against SciPy, PyTorch and Keras."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from jaxnn import losses
from tests.losses.rows import ROWS, SCORES


def torch_functional():
    return pytest.importorskip("torch"), pytest.importorskip("torch.nn.functional")


@given(ROWS, ROWS, st.floats(0.125, 8, width=32))
@settings(max_examples=60, deadline=None)
def test_huber_is_scipy_s_and_torch_s(outputs, targets, delta):
    ours = losses.huber(delta)(jnp.asarray(outputs), jnp.asarray(targets))
    wanted = special.huber(delta, (outputs - targets).astype(float)).mean(1)
    np.testing.assert_allclose(ours, wanted, rtol=1e-5, atol=1e-5)


def test_huber_is_torch_s_at_the_knee_too():
    torch, functional = torch_functional()
    assert losses.huber().delta == inspect.signature(functional.huber_loss).parameters["delta"].default
    errors = torch.tensor([0.0, 0.5, -0.5, 3.0], requires_grad=True)
    theirs = functional.huber_loss(errors, torch.zeros(4), delta=0.5, reduction="none")
    theirs.sum().backward()
    ours = losses.huber(0.5)(jnp.asarray(errors.detach().numpy()), jnp.zeros(4))
    np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-6)
    gradient = jax.grad(lambda e: losses.huber(0.5)(e, jnp.zeros(4)).sum())(jnp.asarray(errors.detach().numpy()))
    np.testing.assert_allclose(gradient, errors.grad.numpy(), rtol=1e-6)


def test_huber_s_delta_is_traced():
    deltas = jnp.array([0.5, 1.0, 2.0])
    many = jax.vmap(lambda d: losses.huber(d)(jnp.asarray(SCORES), jnp.zeros(7)))(deltas)
    for delta, row in zip(deltas.tolist(), many, strict=True):
        np.testing.assert_allclose(row, special.huber(delta, SCORES.astype(float)), rtol=1e-5)
