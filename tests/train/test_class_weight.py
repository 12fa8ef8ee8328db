"""Class weights against scikit-learn's, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

import jaxnn as nn
from jaxnn.core.records import Loss
from jaxnn.data.source import Source
from jaxnn.train.class_weight import by_class, check_class_weight, codes, counted, factors, numbered
from jaxnn.train.heads import Head

RNG = np.random.default_rng(0)
LABELS, WEIGHT = RNG.choice(4, 50, p=[0.6, 0.25, 0.1, 0.05]).astype(np.int32), RNG.uniform(0, 2, 50).astype(np.float32)
ROWS = np.arange(50)


class Ignoring:
    """The rows of a loss that ignores a label."""

    def __init__(self, ignored):
        self.ignored = ignored


def head(class_weight, task="classes", ignored=None, path=()):
    return Head(path, Loss("l", Ignoring(ignored), task), (), class_weight=class_weight)


def weights(y, weight=None, task="classes", rows=ROWS, ignored=None, size=4):
    (counts,) = counted([head("balanced", task, ignored)], Source(nn.Batch(None, y, weight), (rows,), None))
    return np.asarray(by_class("balanced", size, jnp.asarray(counts[0])))


@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_balanced_is_that_of_scikit_learn(weight):
    expected = compute_class_weight("balanced", classes=np.arange(4), y=LABELS, sample_weight=weight)
    np.testing.assert_allclose(weights(LABELS, weight), expected, rtol=1e-6)
    part = ROWS[5:40]
    expected = compute_class_weight(
        "balanced", classes=np.arange(4), y=LABELS[part], sample_weight=None if weight is None else weight[part]
    )
    np.testing.assert_allclose(weights(LABELS, weight, rows=part), expected, rtol=1e-6)


def test_classes_that_never_occur_take_no_share_and_weigh_one():
    np.testing.assert_allclose(weights(np.repeat([0, 2], [30, 20]), size=4), [50 / 60, 1, 50 / 40, 1], rtol=1e-6)


@pytest.mark.parametrize("labels", [[0, 1], [-1, 1], [0.0, 1.0]])
@pytest.mark.parametrize("task", ["binary", "sign"])
def test_two_classes_may_be_coded_either_way(labels, task):
    y = np.asarray(labels)[(LABELS > 0).astype(int)]
    expected = compute_class_weight("balanced", classes=np.unique(y), y=y)
    np.testing.assert_allclose(weights(y, task=task, size=2), expected, rtol=1e-6)
    np.testing.assert_array_equal(codes(task, y), LABELS > 0)
    own = head({labels[0]: 0.5, 1: 3.0}, task)
    for outputs in (np.zeros(50, np.float32), np.zeros((50, 1), np.float32)):
        found = factors(own, outputs, jnp.asarray(y), None)
        np.testing.assert_array_equal(found, np.where(LABELS > 0, 3, 0.5))


def test_steps_count_where_they_are_there():
    y = RNG.integers(0, 3, (50, 6))
    mask = RNG.uniform(size=(50, 6)) < 0.5
    expected = compute_class_weight("balanced", classes=np.arange(3), y=y[mask])
    np.testing.assert_allclose(weights(y, mask.astype(np.float32), size=3), expected, rtol=1e-6)
    np.testing.assert_allclose(weights(np.where(mask, y, -100), ignored=-100, size=3), expected, rtol=1e-6)
    each = np.repeat(WEIGHT, 6)
    expected = compute_class_weight("balanced", classes=np.arange(3), y=y.ravel(), sample_weight=each)
    np.testing.assert_allclose(weights(y, WEIGHT, size=3), expected, rtol=1e-5)


def test_every_part_and_every_head_counts_for_itself():
    heads = [head("balanced", path=("a",)), head({0: 2.0}, path=("b",)), head("balanced", path=("c",))]
    data = nn.Batch(None, {"a": LABELS, "b": LABELS, "c": 3 - LABELS}, {"a": WEIGHT, "b": WEIGHT, "c": np.ones(50)})
    a, b, c = counted(heads, Source(data, (ROWS[:20], ROWS[20:]), None))
    assert a.shape == (2, 4) and b is None
    np.testing.assert_allclose(a.sum(0), np.bincount(LABELS, WEIGHT), rtol=1e-6)
    np.testing.assert_allclose(c[1], np.bincount(3 - LABELS[20:], minlength=4))
    assert counted(heads[1:2], Source(data, (ROWS,), None)) is None


def test_a_dict_is_traced_and_has_a_gradient():
    def total(w):
        return factors(head({1: w}), jnp.zeros((50, 4)), jnp.asarray(LABELS), None).sum()

    value, grad = jax.jit(jax.value_and_grad(total))(2.0)
    assert float(value) == 50 + (LABELS == 1).sum() and float(grad) == (LABELS == 1).sum()
    assert factors(head(None), jnp.zeros((50, 4)), jnp.asarray(LABELS), None) is None


def test_names_become_numbers():
    assert numbered({"no": 1.0, "yes": 9.0}, ("no", "yes")) == {0: 1.0, 1: 9.0}
    assert numbered({1: 9.0}, ("no", "yes")) == {1: 9.0} and numbered("balanced", None) == "balanced"
    with pytest.raises(ValueError, match="names the class 'maybe'; there are 'no', 'yes': write Trial"):
        numbered({"maybe": 1.0}, ("no", "yes"))
    with pytest.raises(ValueError, match="and the data have no class names"):
        numbered({"maybe": 1.0}, None)


@pytest.mark.parametrize(
    ("own", "outputs", "y", "words"),
    [
        (head("balance"), (50, 4), LABELS, r"class_weight is 'balance'; write Trial\(\.\.\., class_weight=\"balanced"),
        (head(2.0), (50, 4), LABELS, "class_weight is 2.0"),
        (head({4: 1.0}), (50, 4), LABELS, "names the class 4, and the classes are 0 to 3"),
        (head({-1: 1.0}), (50, 4), LABELS, "names the class -1"),
        (head({-1: 1.0}, "binary"), (50, 1), LABELS, "names the class -1"),
        (head({0: -1.0}), (50, 4), LABELS, "the class weight of 0 is -1.0; write a number of at least 0"),
        (head({0: np.nan}), (50, 4), LABELS, "the class weight of 0 is nan"),
        (head({0: 1.0}, "values"), (50, 1), WEIGHT, r"targets \(50,\) under the loss l; write weights of the rows"),
        (head({0: 1.0}), (50, 4), np.eye(4)[LABELS], "class_weight needs one class label for each row"),
        (head({0: 1.0}, "binary"), (50, 4), np.eye(4)[LABELS], "class_weight needs one class label for each row"),
    ],
)
def test_what_makes_no_sense_is_refused(own, outputs, y, words):
    with pytest.raises(ValueError, match=words):
        check_class_weight(own, jax.ShapeDtypeStruct(outputs, np.float32), y, False)


def test_what_makes_sense_passes():
    for own in (head(None), head("balanced"), head({0: 1.0, 3: 0.0})):
        check_class_weight(own, jax.ShapeDtypeStruct((50, 4), np.float32), LABELS, False)
    check_class_weight(head({-1: 1.0}, "sign"), jax.ShapeDtypeStruct((50, 1), np.float32), LABELS, False)


def test_balanced_needs_somebody_who_counts():
    with pytest.raises(ValueError, match=r"which only fit and grid see; write class_weight={0: 1.0, 1: 9.0}"):
        by_class("balanced", 2, None)
    with pytest.raises(ValueError, match=r"would count the labels of masked steps too; write weights by step"):
        check_class_weight(head("balanced"), jax.ShapeDtypeStruct((50, 4), np.float32), LABELS, True)
    with pytest.raises(ValueError, match="counts labels, and these are traced"):
        jax.make_jaxpr(lambda y: counted([head("balanced")], Source(nn.Batch(None, y), (ROWS,), None)))(LABELS)
