"""The confusion matrix against scikit-learn, and metrics of labels that do not fit."""

import numpy as np
import pytest
from sklearn import metrics as sk

from jaxnn import metrics

DRAW = np.random.default_rng(0)
LOGITS, LABELS = DRAW.normal(size=(40, 5)).astype(np.float32), DRAW.integers(0, 5, 40)
SEVERAL, YES = LOGITS[:, :3], DRAW.integers(0, 2, (40, 3))
WEIGHTS = DRAW.uniform(0, 2, 40)


@pytest.mark.parametrize("weight", [None, WEIGHTS], ids=["plain", "weighted"])
def test_the_confusion_matrix_is_scikit_learn_s(weight):
    ours = metrics.confusion_matrix(LOGITS, LABELS, weight)
    np.testing.assert_allclose(ours, sk.confusion_matrix(LABELS, LOGITS.argmax(1), sample_weight=weight))
    assert (ours.dtype.kind == "i") == (weight is None)
    two = metrics.confusion_matrix(LOGITS[:, :1], LABELS > 2, weight)
    np.testing.assert_allclose(two, sk.confusion_matrix(LABELS > 2, LOGITS[:, 0] > 0, sample_weight=weight))
    over_time = metrics.confusion_matrix(
        LOGITS.reshape(8, 5, 5), LABELS.reshape(8, 5), None if weight is None else weight[:8]
    )
    repeated = None if weight is None else np.repeat(weight[:8], 5)
    np.testing.assert_allclose(over_time, sk.confusion_matrix(LABELS, LOGITS.argmax(1), sample_weight=repeated))


@pytest.mark.parametrize("name", ["precision", "recall", "f1"])
def test_those_of_two_classes_refuse_more(name):
    for outputs, targets, task in ((LOGITS, LABELS, "classes"), (SEVERAL, YES, "binary")):
        with pytest.raises(ValueError, match=f'{name} is of two classes, .*; write "{name}_macro", "{name}_micro" or'):
            metrics.resolve(name).score(outputs, targets, task=task)


@pytest.mark.parametrize("name", ["balanced_accuracy", "matthews_correlation", "cohen_kappa"])
def test_those_of_one_label_refuse_several(name):
    with pytest.raises(ValueError, match=f'{name} is of one label a row, and these are 3; write "f1_macro"'):
        metrics.resolve(name).score(SEVERAL, YES, task="binary")
    with pytest.raises(ValueError, match="a confusion matrix is of one label a row"):
        metrics.confusion_matrix(SEVERAL, YES, task="binary")


def test_without_any_weight_there_is_no_number():
    for name in ("f1_macro", "f1_micro", "f1_weighted", "balanced_accuracy", "matthews_correlation"):
        assert np.isnan(metrics.resolve(name).score(LOGITS, LABELS, np.zeros(40)))


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
def test_who_is_never_right_scores_nothing(average):
    wrong = np.eye(5, dtype=np.float32)[(LABELS + 1) % 5]
    for name, theirs in (("precision", sk.precision_score), ("recall", sk.recall_score), ("f1", sk.f1_score)):
        wanted = theirs(LABELS, wrong.argmax(1), average=average, zero_division=0)
        assert float(metrics.resolve(f"{name}_{average}").score(wrong, LABELS)) == wanted == 0
    assert float(metrics.balanced_accuracy.score(wrong, LABELS)) == 0
    assert float(metrics.f1.score(np.array([1.0, -1.0]), np.array([0, 1]))) == 0


@pytest.mark.parametrize("name", ["precision", "recall", "f1"])
def test_outputs_that_are_no_number_give_no_score_that_looks_like_one(name):
    outputs = np.full((4, 3), np.nan, np.float32)
    for average in ("macro", "micro", "weighted"):
        assert not float(metrics.resolve(f"{name}_{average}").score(outputs, np.array([1, 2, 1, 2]))) > 0
