"""The losses of this package against PyTorch, SciPy, scikit-learn and Keras, at extremes too, with finite gradients."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import special, stats
from sklearn import metrics as sk

from jaxnn import losses
from jaxnn.core.records import TASKS
from jaxnn.core.registry import LOSSES
from jaxnn.losses import reading

torch = pytest.importorskip("torch")
F = torch.nn.functional
DRAW = np.random.default_rng(0)
WIDE, PAIR = DRAW.normal(0, 3, (9, 4)).astype(np.float32), DRAW.normal(0, 2, (9, 2)).astype(np.float32)
LABELS, YES = DRAW.integers(0, 4, 9), DRAW.integers(0, 2, (9, 4)).astype(np.float32)
CHANCES, VALUES = DRAW.dirichlet(np.ones(4), 9).astype(np.float32), DRAW.normal(0, 2, (9, 4)).astype(np.float32)
COUNTS, TRIPLES = DRAW.poisson(2, (9, 4)).astype(np.float32), DRAW.normal(0, 1, (9, 3, 5)).astype(np.float32)
CHANCES[0] = [0, 0, 1, 0]


def per_row(values):
    return values.reshape(len(values), -1).mean(1)


def smoothed(o, y):
    return F.cross_entropy(o, torch.tensor(y), reduction="none", label_smoothing=0.2)


def focused(o, y):
    p = torch.softmax(o, 1)[torch.arange(len(o)), torch.tensor(y)]
    return -((1 - p) ** 1.5) * torch.log(p)


def sigmoid_focused(o, y):
    y = torch.tensor(y)
    p = torch.sigmoid(o) * y + (1 - torch.sigmoid(o)) * (1 - y)
    weight = 0.3 * y + 0.7 * (1 - y)
    return per_row(weight * (1 - p) ** 1.5 * F.binary_cross_entropy_with_logits(o, y, reduction="none"))


def diverged(o, y):
    return F.kl_div(torch.log_softmax(o, 1), torch.tensor(y), reduction="none").sum(1)


def normal(o, y):
    variance = torch.exp(o[:, 1])
    return F.gaussian_nll_loss(o[:, 0], torch.tensor(y), variance, full=True, reduction="none")


def tripled(o, y):
    return F.triplet_margin_loss(o[:, 0], o[:, 1], o[:, 2], margin=0.7, eps=0.0, reduction="none")


TORCH = [
    (losses.label_smoothing(0.2), WIDE, LABELS, smoothed),
    (losses.softmax_focal(1.5), WIDE, LABELS, focused),
    (losses.focal(1.5, alpha=0.3), WIDE, YES, sigmoid_focused),
    (losses.kl_divergence, WIDE, CHANCES, diverged),
    (losses.poisson, WIDE, COUNTS, lambda o, y: per_row(F.poisson_nll_loss(o, torch.tensor(y), reduction="none"))),
    (losses.gaussian_nll, PAIR, VALUES[:, 0], normal),
    (losses.triplet(0.7), TRIPLES, LABELS, tripled),
    (losses.cosine_distance, WIDE, VALUES, lambda o, y: 1 - F.cosine_similarity(o, torch.tensor(y))),
    (
        losses.huber(0.7),
        WIDE,
        VALUES,
        lambda o, y: per_row(F.huber_loss(o, torch.tensor(y), reduction="none", delta=0.7)),
    ),
]


@pytest.mark.parametrize(
    ("loss", "outputs", "targets", "theirs"),
    TORCH,
    ids=lambda v: losses.resolve(v).name if callable(v) and v in [t[0] for t in TORCH] else "",
)
def test_values_and_gradients_are_those_of_pytorch(loss, outputs, targets, theirs):
    o = torch.tensor(outputs, requires_grad=True)
    wanted = theirs(o, targets)
    wanted.sum().backward()
    np.testing.assert_allclose(loss(jnp.asarray(outputs), jnp.asarray(targets)), wanted.detach(), rtol=2e-5, atol=2e-6)
    gradient = jax.grad(lambda o: loss(o, jnp.asarray(targets)).sum())(jnp.asarray(outputs))
    np.testing.assert_allclose(gradient, o.grad, rtol=1e-4, atol=1e-5)


def test_ctc_is_pytorch_s():
    logits = DRAW.normal(0, 2, (3, 8, 5)).astype(np.float32)
    labels = np.array([[1, 2, 2, -1], [4, 3, 1, 1], [2, -1, -1, -1]])
    o = torch.tensor(logits, requires_grad=True)
    lengths = torch.tensor((labels >= 0).sum(1))
    wanted = F.ctc_loss(torch.log_softmax(o, 2).transpose(0, 1), torch.tensor(labels.clip(0)), torch.full((3,), 8),
                        lengths, reduction="none")  # fmt: skip
    wanted.sum().backward()
    ours = losses.ctc()
    np.testing.assert_allclose(ours(jnp.asarray(logits), jnp.asarray(labels)), wanted.detach(), rtol=1e-4)
    gradient = jax.grad(lambda o: ours(o, jnp.asarray(labels)).sum())(jnp.asarray(logits))
    np.testing.assert_allclose(gradient, o.grad, atol=1e-4)
    rolled = np.roll(logits, -1, 2)  # the blank last
    shifted = losses.ctc(blank=4)(jnp.asarray(rolled), jnp.where(labels > 0, labels - 1, -1))
    np.testing.assert_allclose(shifted, wanted.detach(), rtol=1e-4)


@pytest.mark.parametrize("q", [0.05, 0.5, 0.9, 1.0])
def test_quantile_is_the_pinball_loss_of_scikit_learn(q):
    ours = losses.quantile(q)(jnp.asarray(WIDE), jnp.asarray(VALUES))
    assert float(ours.mean()) == pytest.approx(sk.mean_pinball_loss(VALUES, WIDE, alpha=q), rel=1e-5)


def test_the_likelihoods_are_those_of_scipy():
    ours = losses.gaussian_nll(jnp.asarray(np.concatenate([WIDE, VALUES], 1)), jnp.asarray(CHANCES))
    wanted = -stats.norm.logpdf(CHANCES.astype(float), WIDE, np.exp(VALUES / 2)).mean(1)
    np.testing.assert_allclose(ours, wanted, rtol=1e-5)
    rates = losses.poisson(jnp.asarray(PAIR), jnp.asarray(COUNTS[:, :2])) + special.gammaln(COUNTS[:, :2] + 1).mean(1)
    np.testing.assert_allclose(rates, -stats.poisson.logpmf(COUNTS[:, :2], np.exp(PAIR)).mean(1), rtol=1e-5, atol=1e-5)


def test_bradley_terry_is_the_log_likelihood_of_the_preferred():
    preferred = LABELS % 2
    wanted = -np.log(special.expit((PAIR[:, 0] - PAIR[:, 1]).astype(float) * (2 * preferred - 1)))
    for rewards in (PAIR, PAIR[..., None]):
        np.testing.assert_allclose(losses.bradley_terry(jnp.asarray(rewards), preferred), wanted, rtol=1e-5)
    with pytest.raises(ValueError, match=r"rewards \(9, 4\) and targets \(9,\); write a model that gives two rewards"):
        losses.bradley_terry(jnp.asarray(WIDE), preferred)


def test_log_cosh_is_keras_s(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    keras = pytest.importorskip("keras")
    wanted = keras.losses.LogCosh(reduction=None)(VALUES, WIDE)
    np.testing.assert_allclose(losses.log_cosh(jnp.asarray(WIDE), jnp.asarray(VALUES)), wanted, rtol=1e-4, atol=1e-5)


LARGE = np.array([1e4, -1e4, 0.0, 1e-30], np.float32)
ROWS, ONES = np.stack([LARGE, -LARGE]), np.eye(4, dtype=np.float32)
EXTREMES = {
    "softmax_cross_entropy": [(ROWS, np.array([1, 2])), (ROWS, ONES[:2])],
    "sigmoid_cross_entropy": [(LARGE, np.array([0.0, 1.0, 0.5, 1.0]))],
    "focal": [(LARGE, np.array([0.0, 1.0, 1.0, 0.0])), (LARGE, np.array([1.0, 0.0, 1.0, 0.0]))],
    "softmax_focal": [(ROWS, np.array([1, 2])), (ROWS, np.array([0, 1]))],
    "label_smoothing": [(ROWS, np.array([1, 0])), (ROWS, ONES[:2])],
    "kl_divergence": [(ROWS, ONES[:2])],
    "squared_error": [(LARGE, -LARGE)],
    "half_squared_error": [(LARGE, -LARGE)],
    "absolute_error": [(LARGE, LARGE)],
    "huber": [(LARGE, -LARGE)],
    "log_cosh": [(LARGE, -LARGE), (LARGE, LARGE)],
    "quantile": [(LARGE, LARGE), (LARGE, -LARGE)],
    "hinge": [(LARGE, np.array([1, 0, 1, 0]))],
    "perceptron": [(LARGE, np.array([1, 0, 1, 0]))],
    "cosine_distance": [(ROWS, ROWS[::-1]), (0 * ROWS, ROWS), (ROWS * 1e30, ROWS)],
    "poisson": [(np.float32([80, -1e4]), np.float32([0, 1e4]))],
    "gaussian_nll": [(np.float32([[1e4, -1e4], [0, 1e4], [0, 0]]), np.float32([-1e4, 0, 0]))],
    "bradley_terry": [(np.float32([[1e4, -1e4], [-1e4, 1e4]]), np.float32([0, 0]))],
    "triplet": [(np.float32(np.zeros((2, 3, 2))), np.zeros(2)), (np.float32(1e4 * np.ones((2, 3, 2))), np.zeros(2))],
    "ctc": [(np.stack([ROWS, ROWS]), np.array([[1, 2], [3, 3]]))],
}


@pytest.mark.parametrize(
    "name", [n for n, r in LOSSES.items() if getattr(r.rows, "__module__", "").startswith("jaxnn.")]
)
def test_extremes_give_finite_losses_and_gradients(name):
    loss = losses.resolve(name)
    for outputs, targets in EXTREMES[name]:
        value, gradient = jax.value_and_grad(lambda o, y=targets: loss(o, jnp.asarray(y)).sum())(jnp.asarray(outputs))
        assert np.isfinite(value) and np.isfinite(gradient).all(), (name, outputs, targets)
        assert (loss(jnp.asarray(outputs), jnp.asarray(targets)) > -1e9).all()


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0, 5.0])
def test_focal_losses_of_what_is_quite_sure(gamma):
    sure, wrong = jnp.array([[200.0, 0.0]]), jnp.array([[0.0, 200.0]])
    for logits, wanted in ((sure, 0), (wrong, 200)):
        assert float(losses.softmax_focal(gamma)(logits, jnp.array([0]))[0]) == wanted
        assert float(losses.focal(gamma)(logits[:, 0] - logits[:, 1], jnp.ones(1))[0]) == wanted
        assert np.isfinite(jax.grad(lambda o: losses.softmax_focal(gamma)(o, jnp.array([0])).sum())(logits)).all()
    plain = losses.softmax_cross_entropy(jnp.asarray(WIDE), LABELS)
    np.testing.assert_allclose(losses.softmax_focal(0.0)(jnp.asarray(WIDE), LABELS), plain, rtol=1e-4, atol=1e-6)


NUMBERS = [
    (losses.focal, "gamma", WIDE, YES), (losses.softmax_focal, "gamma", WIDE, LABELS),
    (losses.quantile, "q", WIDE, VALUES), (losses.label_smoothing, "smoothing", WIDE, LABELS),
    (losses.triplet, "margin", TRIPLES, LABELS), (losses.huber, "delta", WIDE, VALUES),
]  # fmt: skip


@pytest.mark.parametrize(("make", "name", "outputs", "targets"), NUMBERS)
def test_their_numbers_are_traced(make, name, outputs, targets):
    many = jax.jit(jax.vmap(lambda v: make(**{name: v})(jnp.asarray(outputs), jnp.asarray(targets))))
    numbers = jnp.array([0.2, 0.7])
    for number, row in zip(numbers.tolist(), many(numbers), strict=True):
        alone = make(**{name: number})(jnp.asarray(outputs), jnp.asarray(targets))
        np.testing.assert_allclose(row, alone, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: losses.huber(0.0), r"delta must be above 0, got 0.0; write nn.losses.huber"),
        (lambda: losses.quantile(1.5), r"q must lie in \[0, 1\], got 1.5; write nn.losses.quantile"),
        (lambda: losses.focal(-1.0), r"gamma must be 0 or more, got -1.0; write nn.losses.focal"),
        (lambda: losses.softmax_focal(-1.0), r"write nn.losses.softmax_focal"),
        (lambda: losses.focal(1.0, 2.0), r"alpha must lie in \[0, 1\], got 2.0"),
        (lambda: losses.label_smoothing(2.0), r"write nn.losses.label_smoothing\(0.1\)"),
        (lambda: losses.triplet(-1.0), r"margin must be 0 or more"),
        (lambda: losses.gaussian_nll(jnp.ones((4, 3)), jnp.ones(4)), r"\(4, 3\).*two outputs for each target"),
        (lambda: losses.kl_divergence(jnp.ones((4, 3)), jnp.ones(4)), r"or softmax_cross_entropy for class numbers"),
        (lambda: losses.cosine_distance(jnp.ones((4, 3)), jnp.ones(4)), r"as many outputs as a target has numbers"),
        (lambda: losses.triplet()(jnp.ones((4, 3)), jnp.ones(4)), r"\(batch, 3, size\)"),
        (lambda: losses.triplet()(jnp.ones((4, 4, 5)), jnp.ones(4)), r"\(batch, 3, size\)"),
        (lambda: losses.triplet()(jnp.ones((4, 2, 5)), jnp.ones(4)), r"\(batch, 3, size\)"),
        (lambda: losses.triplet()(jnp.ones((4, 3, 5)), jnp.ones(3)), r"\(batch, 3, size\)"),
        (lambda: losses.ctc()(jnp.ones((4, 3)), jnp.ones(4)), r"\(batch, time, classes\)"),
        (lambda: losses.ctc()(jnp.ones((4, 3)), jnp.ones((4, 2))), r"\(batch, time, classes\)"),
        (lambda: losses.ctc()(jnp.ones((4, 5, 3, 2)), jnp.ones((4, 2))), r"\(batch, time, classes\)"),
        (lambda: losses.ctc()(jnp.ones((4, 5, 3)), jnp.ones(4)), r"\(batch, time, classes\)"),
        (lambda: losses.ctc()(jnp.ones((4, 5, 3)), jnp.ones((3, 2))), r"\(batch, time, classes\)"),
        (lambda: losses.kl_divergence(jnp.ones((4, 3)), jnp.ones((4, 5))), r"or softmax_cross_entropy for class"),
    ],
)
def test_what_does_not_fit_is_told_with_the_call(call, told):
    with pytest.raises(ValueError, match=told):
        call()


STEPS = [
    (losses.softmax_focal(1.5), LABELS), (losses.label_smoothing(0.2), LABELS), (losses.label_smoothing(0.2), CHANCES),
    (losses.softmax_cross_entropy, LABELS), (losses.softmax_cross_entropy, CHANCES), (losses.kl_divergence, CHANCES),
    (losses.cosine_distance, VALUES), (losses.focal(1.5, alpha=0.3), YES), (losses.poisson, COUNTS),
    (losses.huber(0.7), VALUES), (losses.quantile(0.3), VALUES), (losses.log_cosh, VALUES),
]  # fmt: skip


@pytest.mark.parametrize(("loss", "targets"), STEPS)
def test_losses_of_steps_are_the_means_over_the_steps(loss, targets):
    outputs, targets = (np.stack([a, np.roll(a, 1, 0), a[::-1]], 1) for a in (WIDE, targets))  # (batch, steps, ...)
    each = [loss(jnp.asarray(outputs[:, t]), jnp.asarray(targets[:, t])) for t in range(3)]
    found = loss(jnp.asarray(outputs), jnp.asarray(targets))
    np.testing.assert_allclose(found, sum(each) / 3, rtol=1e-5, atol=1e-6)


def test_normal_distributions_of_steps_are_those_of_scipy():
    outputs, targets = np.stack([WIDE, WIDE[::-1]], 1), np.stack([VALUES[:, :2], VALUES[:, 2:]], 1)
    wanted = -stats.norm.logpdf(targets.astype(float), outputs[..., :2], np.exp(outputs[..., 2:] / 2)).mean((1, 2))
    np.testing.assert_allclose(losses.gaussian_nll(jnp.asarray(outputs), jnp.asarray(targets)), wanted, rtol=1e-5)
    one, values = (
        np.stack([PAIR, PAIR[::-1]], 1),
        VALUES[:, :2],
    )  # one target a step, with an axis of its own or without
    wanted = -stats.norm.logpdf(values.astype(float), one[..., 0], np.exp(one[..., 1] / 2)).mean(1)
    for targets in (values, values[..., None]):
        np.testing.assert_allclose(losses.gaussian_nll(jnp.asarray(one), jnp.asarray(targets)), wanted, rtol=1e-5)


def test_what_is_not_said_is_what_others_take():
    def default(function, name):
        return inspect.signature(function).parameters[name].default

    assert losses.focal().gamma == losses.softmax_focal().gamma == default(optax.losses.sigmoid_focal_loss, "gamma")
    assert losses.focal().alpha is default(optax.losses.sigmoid_focal_loss, "alpha")
    assert losses.triplet().margin == default(F.triplet_margin_loss, "margin")
    assert losses.quantile().q == default(sk.mean_pinball_loss, "alpha")
    assert losses.ctc().blank == default(F.ctc_loss, "blank")
    assert losses.label_smoothing().smoothing == 0.1  # Szegedy et al., 2016


def test_only_counts_and_normal_distributions_are_read_otherwise_than_as_they_are():
    for outputs in (WIDE, jnp.asarray(WIDE)):
        assert all(reading.values(outputs, task) is outputs for task in {None, *TASKS} - {"counts", "normal"})
        np.testing.assert_array_equal(reading.values(outputs, "normal"), WIDE[:, :2])
        np.testing.assert_allclose(reading.values(outputs, "counts"), np.exp(WIDE), rtol=1e-6)
        assert type(reading.values(outputs, "counts")) is type(outputs)
    steps = np.stack([WIDE, -WIDE, WIDE], 1)  # (batch, steps, outputs)
    np.testing.assert_array_equal(reading.values(steps, "normal"), steps[:, :, :2])
