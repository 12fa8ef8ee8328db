"""What outputs and targets say as labels."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxnn import metrics
from jaxnn.metrics.labels import kind_of, read

WIDE = jnp.array([[2.0, -1.0, 1.0], [-1.0, 3.0, 2.0]])
YES = np.array([[1, 0, 1], [0, 1, 1]])


@pytest.mark.parametrize(
    ("targets", "task", "kind"),
    [
        (jnp.array([0, 1]), None, "classes"),
        (jnp.array([0, 1]), "binary", "classes"),
        (jnp.asarray(YES), None, "several"),
        (jnp.asarray(YES), "classes", "classes"),
        (jnp.asarray(YES, jnp.float32), None, "classes"),
        (jnp.asarray(YES, jnp.float32), "binary", "several"),
        (jnp.asarray(YES, bool), None, "several"),
    ],
)
def test_the_kind_of(targets, task, kind):
    assert kind_of(WIDE, targets, task) == kind == read("accuracy", WIDE, targets, task).kind


def test_a_perfect_prediction_of_several_labels_is_right_whatever_is_told_or_the_dtype():
    for targets, task in ((YES, None), (YES.astype(np.float32), "binary"), (YES.astype(bool), None)):
        assert metrics.accuracy(WIDE, jnp.asarray(targets), task).tolist() == [1.0, 1.0]
    one_off = YES.copy()
    one_off[0, 1] = 1
    assert metrics.accuracy(WIDE, jnp.asarray(one_off)).tolist() == [0.0, 1.0]
    np.testing.assert_allclose(metrics.binary_accuracy(WIDE, jnp.asarray(one_off)), [2 / 3, 1], rtol=1e-6)


def test_labels_at_every_step_are_counted_along_the_last_axis():
    steps, yes = jnp.stack([WIDE, -WIDE], 1), jnp.asarray(np.stack([YES, 1 - YES], 1))  # (batch, time, labels)
    several = read("accuracy", steps, yes)
    assert (several.kind, several.classes, several.predicted.shape) == ("several", 3, (2, 2, 3))
    assert metrics.accuracy(steps, yes).tolist() == [1.0, 1.0] == metrics.binary_accuracy(steps, yes).tolist()
    classes = read("accuracy", steps, jnp.array([[0, 1], [1, 0]]))
    assert (classes.kind, classes.classes, classes.predicted.tolist()) == ("classes", 3, [[0, 1], [1, 0]])
    soft = read("accuracy", steps, jnp.asarray(np.stack([YES, YES], 1), jnp.float32), "classes")
    assert (soft.kind, soft.true.tolist()) == ("classes", [[0, 0], [1, 1]])
    for one in (WIDE[:, 0], WIDE[:, :1]):
        found = read("accuracy", one, jnp.array([1, 0]))
        assert (found.kind, found.classes, found.predicted.tolist()) == ("binary", 2, [1, 0])


def test_soft_labels_say_yes_above_one_half():
    scores, soft = jnp.array([-1.0, -1.0, 1.0, 1.0]), jnp.array([0.2, 0.7, 0.3, 0.9])
    assert metrics.accuracy(scores, soft).tolist() == [1.0, 0.0, 0.0, 1.0]
    for labels in (np.array([0, 1, 0, 1]), np.array([-1, 1, -1, 1]), np.array([0, 1, 0, 1], bool)):
        assert metrics.accuracy(scores, jnp.asarray(labels)).tolist() == [1.0, 0.0, 0.0, 1.0]


def test_shapes_that_do_not_fit_are_told():
    with pytest.raises(ValueError, match=r"f1 got logits \(2, 3\) and labels \(3,\); write labels of shape \(2,\)"):
        read("f1", WIDE, jnp.zeros(3, int))
