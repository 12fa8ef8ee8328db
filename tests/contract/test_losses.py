"""Every loss and every metric under the same rules. A new one adds a row: the function, outputs, targets.

Outputs and targets have five rows. SMOOTH are those whose gradient is tested, STEPS those that have none.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn import losses, metrics
from jaxnn.core.registry import LOSSES, METRICS

DRAW = np.random.default_rng(0)
ROWS = 5
FLAT, COLUMN, WIDE, TIME = (DRAW.normal(size=s).astype(np.float32) for s in ((5,), (5, 1), (5, 3), (5, 2, 3)))
VALUES, VALUES_WIDE = DRAW.normal(size=5).astype(np.float32), DRAW.normal(size=(5, 3)).astype(np.float32)
COUNTS, DOUBLE, TRIPLE = (DRAW.poisson(2, 5), *(DRAW.normal(size=s).astype(np.float32) for s in ((5, 2), (5, 3, 4))))
LABELS, LABELS_TIME, BINARY = DRAW.integers(0, 3, 5), DRAW.integers(0, 3, (5, 2)), np.array([0, 1, 1, 0, 1])
CHANCES = DRAW.dirichlet([1, 1, 1], 5).astype(np.float32)

SMOOTH = [
    (losses.softmax_cross_entropy, WIDE, LABELS),
    (losses.softmax_cross_entropy, TIME, LABELS_TIME),
    (losses.softmax_cross_entropy, WIDE, CHANCES),
    (losses.sigmoid_cross_entropy, COLUMN, BINARY),
    (losses.sigmoid_cross_entropy, FLAT, BINARY),
    (losses.squared_error, COLUMN, VALUES),
    (losses.squared_error, WIDE, VALUES_WIDE),
    (losses.half_squared_error, COLUMN, VALUES),
    (losses.half_squared_error, WIDE, VALUES_WIDE),
    (losses.absolute_error, COLUMN, VALUES),
    (losses.absolute_error, WIDE, VALUES_WIDE),
    (losses.huber(), COLUMN, VALUES),
    (losses.huber(0.3), WIDE, VALUES_WIDE),
    (losses.log_cosh, COLUMN, VALUES),
    (losses.hinge, COLUMN, BINARY),
    (losses.quantile(0.3), WIDE, VALUES_WIDE),
    (losses.label_smoothing(0.1), TIME, LABELS_TIME),
    (losses.label_smoothing(0.1), WIDE, CHANCES),
    (losses.softmax_focal(1.5), WIDE, LABELS),
    (losses.focal(1.5), COLUMN, BINARY),
    (losses.kl_divergence, WIDE, CHANCES),
    (losses.cosine_distance, WIDE, VALUES_WIDE),
    (losses.poisson, COLUMN, COUNTS),
    (losses.gaussian_nll, DOUBLE, VALUES),
    (losses.bradley_terry, DOUBLE, BINARY),
    (losses.triplet(1.0), TRIPLE, BINARY),
    (losses.ctc(), TIME, LABELS_TIME[:, :1]),
    (losses.perceptron, COLUMN, BINARY),
    (metrics.mean_absolute_error, COLUMN, VALUES),
    (metrics.mean_squared_error, WIDE, VALUES_WIDE),
    (metrics.root_mean_squared_error, WIDE, VALUES_WIDE),
    (metrics.mean_absolute_percentage_error, COLUMN, VALUES),
    (metrics.mean_squared_log_error, np.abs(WIDE), np.abs(VALUES_WIDE)),
    (metrics.median_absolute_error, WIDE, VALUES_WIDE),
    (metrics.explained_variance, WIDE, VALUES_WIDE),
    (metrics.log_loss, WIDE, LABELS),
    (metrics.brier_score, WIDE, LABELS),
    (metrics.brier_score, COLUMN, BINARY),
    (metrics.log_likelihood, WIDE, LABELS),
    (metrics.log_likelihood, COLUMN, BINARY),
    (metrics.r2, COLUMN, VALUES),
    (metrics.r2, WIDE, VALUES_WIDE),
]
STEPS = [
    (metrics.binary_accuracy, WIDE, CHANCES),
    (metrics.accuracy, WIDE, LABELS),
    (metrics.accuracy, TIME, LABELS_TIME),
    (metrics.accuracy, WIDE, CHANCES),
    (metrics.accuracy, COLUMN, BINARY),
    (metrics.accuracy, FLAT, BINARY),
    *(
        (record, WIDE, LABELS)
        for record in METRICS.values()
        if record.name.startswith(("f1_", "precision_", "recall_"))
    ),
    *((record, COLUMN, BINARY) for record in (metrics.f1, metrics.precision, metrics.recall)),
    *((record, WIDE, LABELS) for record in (metrics.balanced_accuracy, metrics.matthews_correlation)),
    (metrics.cohen_kappa, WIDE, LABELS),
    (metrics.roc_auc, WIDE, LABELS),
    (metrics.average_precision, COLUMN, BINARY),
    (metrics.top_k(2), WIDE, LABELS),
    (metrics.top_k(2), TIME, LABELS_TIME),
]


def name_of(value):
    return metrics.resolve(value).name if callable(value) else "x".join(map(str, value.shape))


all_rows = pytest.mark.parametrize(("f", "outputs", "targets"), SMOOTH + STEPS, ids=name_of)
smooth_rows = pytest.mark.parametrize(("f", "outputs", "targets"), SMOOTH, ids=name_of)


@all_rows
def test_one_value_per_row_in_the_dtype_of_the_outputs_under_jit(f, outputs, targets):
    eager = f(jnp.asarray(outputs), jnp.asarray(targets))
    assert eager.shape[0] == ROWS
    assert eager.ndim == 1 or getattr(f, "finish", None)
    np.testing.assert_allclose(jax.jit(f)(outputs, targets), eager, rtol=1e-6, atol=1e-6)
    for dtype in (jnp.float32, jnp.bfloat16):
        promised = jax.eval_shape(f, jax.ShapeDtypeStruct(outputs.shape, dtype), jnp.asarray(targets))
        assert promised.shape == eager.shape
        assert promised.dtype == (jnp.float32 if f in [row[0] for row in STEPS] else dtype)


@all_rows
def test_a_row_does_not_see_the_others(f, outputs, targets):
    compiled = jax.jit(f)
    whole = np.asarray(compiled(outputs, targets))
    np.testing.assert_allclose(compiled(outputs[2:3], targets[2:3]), whole[2:3], rtol=1e-6)
    none = jax.eval_shape(f, jnp.asarray(outputs[:0]), jnp.asarray(targets[:0]))
    assert none.shape == (0, *whole.shape[1:])


@all_rows
def test_vmap_over_members_equals_the_loop(f, outputs, targets):
    members, alone = np.stack([outputs, -outputs]), jax.jit(f)
    many = np.asarray(jax.jit(jax.vmap(f, (0, None)))(members, targets))
    for one, member in zip(many, members, strict=True):
        np.testing.assert_allclose(one, alone(member, targets), rtol=1e-6, atol=1e-6)


@smooth_rows
def test_gradient_equals_central_differences_in_float64(f, outputs, targets):
    with jax.enable_x64(True):
        outputs = outputs.astype(np.float64)
        direction = np.random.default_rng(1).normal(size=outputs.shape)

        @jax.jit
        @jax.value_and_grad
        def total(o):
            values = f(o, jnp.asarray(targets)).reshape(-1)
            return jnp.vdot(values, jnp.cos(jnp.arange(values.size, dtype=jnp.float64)))

        slope = (total(outputs + 1e-6 * direction)[0] - total(outputs - 1e-6 * direction)[0]) / 2e-6
        np.testing.assert_allclose(np.vdot(total(outputs)[1], direction), slope, rtol=1e-6, atol=1e-8)


@all_rows
def test_shapes_that_do_not_fit_are_told_with_both(f, outputs, targets):
    wrong = np.resize(targets, (4, *targets.shape[1:]))
    with pytest.raises(ValueError, match="write ") as caught:
        f(jnp.asarray(outputs), jnp.asarray(wrong))
    assert str(outputs.shape) in str(caught.value)
    assert str(wrong.shape) in str(caught.value)


@pytest.mark.parametrize("table", [LOSSES, METRICS], ids=["losses", "metrics"])
def test_every_name_has_a_row(table):
    rows = {name_of(f) for f, _, _ in SMOOTH + STEPS}
    ours = {
        name for name, record in table.items() if record.rows.__module__.startswith(("jaxnn.losses", "jaxnn.metrics"))
    }
    assert ours <= rows, f"{sorted(ours - rows)} have no row in SMOOTH or STEPS"


def test_reached_from_the_front_door():
    assert nn.losses is losses
    assert nn.metrics is metrics
