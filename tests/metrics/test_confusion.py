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
