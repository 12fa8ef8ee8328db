"""Cross-entropies against scikit-learn, SciPy and PyTorch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special
from sklearn import metrics as sk

from jaxnn import losses
from tests.losses.rows import BINARY, LABELS, LOGITS, ROWS, SCORES

DRAW = np.random.default_rng(1)


def torch_functional():
    return pytest.importorskip("torch"), pytest.importorskip("torch.nn.functional")


def test_softmax_cross_entropy_is_the_log_loss_of_scikit_learn():
    ours = losses.softmax_cross_entropy(jnp.asarray(LOGITS), jnp.asarray(LABELS))
    assert ours.mean() == pytest.approx(
        sk.log_loss(LABELS, special.softmax(LOGITS.astype(float), 1), labels=range(4)), rel=1e-6
    )


def test_softmax_cross_entropy_is_torch_s_with_gradient():
    torch, functional = torch_functional()
    logits = torch.tensor(LOGITS, requires_grad=True)
    theirs = functional.cross_entropy(logits, torch.tensor(LABELS), reduction="none")
    theirs.sum().backward()
    ours, gradient = losses.softmax_cross_entropy, jax.grad(lambda o: losses.softmax_cross_entropy(o, LABELS).sum())
    np.testing.assert_allclose(ours(jnp.asarray(LOGITS), LABELS), theirs.detach().numpy(), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(gradient(jnp.asarray(LOGITS)), logits.grad.numpy(), rtol=1e-5, atol=1e-6)


@given(ROWS, st.lists(st.integers(0, 2), min_size=5, max_size=5))
@settings(max_examples=60, deadline=None)
def test_class_numbers_and_their_probabilities_agree_with_scipy(logits, labels):
    labels = np.array(labels)
    wanted = -special.log_softmax(logits.astype(float), 1)[np.arange(5), labels]
    np.testing.assert_allclose(losses.softmax_cross_entropy(jnp.asarray(logits), labels), wanted, rtol=1e-5, atol=1e-5)
    one_hot = jnp.asarray(np.eye(3, dtype=np.float32)[labels])
    np.testing.assert_allclose(losses.softmax_cross_entropy(jnp.asarray(logits), one_hot), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [1e2, 1e4, 1e30])
def test_large_logits_give_finite_losses_and_gradients(size):
    logits = jnp.array([[size, -size, 0.0], [-size, size, 0.0]])
    labels = jnp.array([0, 0])
    loss = losses.softmax_cross_entropy(logits, labels)
    np.testing.assert_allclose(loss, [0, 2 * size], rtol=1e-6)
    gradient = jax.grad(lambda o: losses.softmax_cross_entropy(o, labels).sum())(logits)
    np.testing.assert_allclose(gradient, [[0, 0, 0], [-1, 1, 0]], atol=1e-6)
    binary = losses.sigmoid_cross_entropy(logits[:, 0], jnp.array([1, 1]))
    np.testing.assert_allclose(binary, [0, size], rtol=1e-6)
    assert np.isfinite(jax.grad(lambda o: losses.sigmoid_cross_entropy(o, jnp.array([1, 1])).sum())(logits[:, 0])).all()


def test_a_class_of_no_probability_harms_nobody():
    logits = jnp.array([[0.0, -jnp.inf, 0.0]])
    assert losses.softmax_cross_entropy(logits, jnp.array([2])).tolist() == [pytest.approx(np.log(2))]
    assert np.isfinite(jax.grad(lambda o: losses.softmax_cross_entropy(o, jnp.array([2])).sum())(logits)).all()


def test_axes_between_batch_and_classes_are_averaged():
    logits = jnp.asarray(DRAW.normal(size=(2, 5, 4)), jnp.float32)
    labels = jnp.asarray(DRAW.integers(0, 4, (2, 5)))
    flat = losses.softmax_cross_entropy(logits.reshape(10, 4), labels.reshape(10))
    np.testing.assert_allclose(losses.softmax_cross_entropy(logits, labels), flat.reshape(2, 5).mean(1), rtol=1e-6)


@pytest.mark.parametrize("shape", [(7,), (7, 1)])
def test_sigmoid_cross_entropy_is_the_log_loss_of_scikit_learn(shape):
    ours = losses.sigmoid_cross_entropy(jnp.asarray(SCORES.reshape(shape)), BINARY)
    assert ours.mean() == pytest.approx(sk.log_loss(BINARY, special.expit(SCORES.astype(float))), rel=1e-6)


def test_sigmoid_cross_entropy_of_many_labels_is_torch_s():
    torch, functional = torch_functional()
    chances = DRAW.uniform(size=(7, 4)).astype(np.float32)
    theirs = functional.binary_cross_entropy_with_logits(torch.tensor(LOGITS), torch.tensor(chances), reduction="none")
    ours = losses.sigmoid_cross_entropy(jnp.asarray(LOGITS), jnp.asarray(chances))
    np.testing.assert_allclose(ours, theirs.numpy().mean(1), rtol=1e-5)
