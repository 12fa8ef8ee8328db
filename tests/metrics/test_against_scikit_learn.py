"""Every metric against scikit-learn: weighted, in batches that do not divide, with ties, and by hypothesis."""

import numpy as np
import pytest
from scipy import special
from sklearn import metrics as sk

import jaxnn as nn
from jaxnn.core.registry import METRICS

N = 61
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning"),
    pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true"),
]


def labels_of(kind, seed=0):
    """Outputs, targets, predicted labels and probabilities; halves, so that scores tie."""
    draw = np.random.default_rng(seed)
    weight = draw.uniform(0, 2, N).astype(np.float32)
    weight[draw.integers(0, N, 5)] = 0
    if kind == "classes":
        o, y = (draw.integers(-6, 7, (N, 4)) / 2).astype(np.float32), draw.choice(4, N, p=[0.5, 0.3, 0.15, 0.05])
        o[np.arange(N), y] += 1
        return o, y, o.argmax(1), special.softmax(o.astype(float), 1), weight
    if kind == "two classes":
        o, y = (draw.integers(-6, 7, (N, 2)) / 2).astype(np.float32), draw.choice(2, N, p=[0.8, 0.2])
        return o, y, o.argmax(1), special.softmax(o.astype(float), 1)[:, 1], weight
    if kind == "binary":
        o, y = (draw.integers(-6, 7, (N, 1)) / 2).astype(np.float32), draw.choice(2, N, p=[0.7, 0.3])
        return o, y, (o[:, 0] > 0).astype(int), special.expit(o[:, 0].astype(float)), weight
    o, y = (draw.integers(-6, 7, (N, 3)) / 2).astype(np.float32), draw.choice(2, (N, 3), p=[0.6, 0.4])
    return o, y, (o > 0).astype(int), special.expit(o.astype(float)), weight


def of_labels(f, **options):
    return lambda y, predicted, chances, w: f(y, predicted, sample_weight=w, **options)


def of_chances(f, **options):
    return lambda y, predicted, chances, w: f(y, chances, sample_weight=w, **options)


TWO = ("two classes", "binary")
ONE = (*TWO, "classes")
ALL = (*ONE, "several")
KINDS = {
    "accuracy": (ALL, of_labels(sk.accuracy_score)),
    "binary_accuracy": (("binary",), of_labels(sk.accuracy_score)),
    "balanced_accuracy": (ONE, of_labels(sk.balanced_accuracy_score)),
    "matthews_correlation": (ONE, of_labels(sk.matthews_corrcoef)),
    "cohen_kappa": (ONE, of_labels(sk.cohen_kappa_score)),
    "log_loss": (ONE, of_chances(sk.log_loss)),
    "log_likelihood": (ONE, lambda y, predicted, chances, w: -sk.log_loss(y, chances, sample_weight=w)),
    "brier_score": (ONE, of_chances(sk.brier_score_loss)),
    "roc_auc": (ALL, of_chances(sk.roc_auc_score, multi_class="ovr")),
    "average_precision": (ALL, of_chances(sk.average_precision_score)),
}
for name, score in (("precision", sk.precision_score), ("recall", sk.recall_score), ("f1", sk.f1_score)):
    KINDS[name] = (TWO, of_labels(score))
    for average in ("macro", "micro", "weighted"):
        KINDS[f"{name}_{average}"] = (ALL, of_labels(score, average=average, zero_division=0))
CASES = [(name, kind) for name, (kinds, _) in KINDS.items() for kind in kinds]
TASK = {"classes": "classes", "two classes": "classes", "binary": "binary", "several": "binary"}


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize(("name", "kind"), CASES)
def test_metrics_of_labels(name, kind, weighted, gathered):
    outputs, targets, predicted, chances, weight = labels_of(kind)
    weight = weight if weighted else None
    wanted = KINDS[name][1](targets, predicted, chances, weight)
    assert gathered(name, outputs, targets, weight, TASK[kind]) == pytest.approx(wanted, rel=2e-5)
    whole = nn.metrics.resolve(name).score(outputs, targets, weight, TASK[kind])
    assert float(whole) == pytest.approx(wanted, rel=2e-5)


VALUES = {
    "mean_absolute_error": sk.mean_absolute_error,
    "mean_squared_error": sk.mean_squared_error,
    "root_mean_squared_error": sk.root_mean_squared_error,
    "mean_absolute_percentage_error": sk.mean_absolute_percentage_error,
    "mean_squared_log_error": sk.mean_squared_log_error,
    "median_absolute_error": sk.median_absolute_error,
    "r2": sk.r2_score,
    "explained_variance": sk.explained_variance_score,
}


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("out", [None, 3])
@pytest.mark.parametrize("name", VALUES)
def test_metrics_of_values(name, out, weighted, gathered):
    draw = np.random.default_rng(1)
    targets = draw.uniform(0.5, 4, (N, out or 1)).astype(np.float32)
    outputs = (targets + draw.normal(0, 0.4, targets.shape)).astype(np.float32).clip(-0.5)
    weight = draw.uniform(0.1, 2, N).astype(np.float32) if weighted else None
    wanted = VALUES[name](targets, outputs, sample_weight=weight)
    targets = targets if out else targets[:, 0]
    assert gathered(name, outputs, targets, weight) == pytest.approx(wanted, rel=2e-5)


def test_every_metric_has_a_row():
    ours = {name for name, record in METRICS.items() if record.rows.__module__.startswith("jaxnn.metrics")}
    assert ours <= {*KINDS, *VALUES}


@pytest.mark.parametrize("offset", [0.0, 1e5])
@pytest.mark.parametrize("right", [True, False])
@pytest.mark.parametrize("name", ["r2", "explained_variance"])
def test_constant_targets_are_those_of_scikit_learn(name, right, offset, gathered):
    targets = np.full(23, 0.5 + offset, np.float32)  # with 0.1 scikit-learn itself rounds, to -7e17
    outputs = targets if right else (targets + np.arange(23)).astype(np.float32)
    assert gathered(name, outputs[:, None], targets) == VALUES[name](targets, outputs) == float(right)


def test_targets_far_from_zero_keep_their_digits(gathered):
    draw = np.random.default_rng(2)
    targets = (1e5 + draw.normal(size=(200, 1))).astype(np.float32)
    outputs = (targets + draw.normal(0, 0.3, targets.shape)).astype(np.float32)
    wanted = sk.r2_score(targets.astype(float), outputs.astype(float))
    assert gathered("r2", outputs, targets[:, 0]) == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", ["f1_macro", "precision_macro", "balanced_accuracy", "matthews_correlation"])
def test_classes_that_are_missing_count_as_in_scikit_learn(name, seed, gathered):
    draw = np.random.default_rng(seed)
    outputs, targets = draw.normal(size=(9, 6)).astype(np.float32), draw.integers(0, 3, 9)
    outputs[:, 5] = -9
    wanted = KINDS[name][1](targets, outputs.argmax(1), None, None)
    assert gathered(name, outputs, targets, task="classes") == pytest.approx(wanted, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("name", ["matthews_correlation", "cohen_kappa", "balanced_accuracy"])
def test_who_says_always_the_same_is_worth_what_scikit_learn_says(name, gathered):
    draw = np.random.default_rng(0)
    outputs, targets = draw.normal(size=(23, 3)).astype(np.float32), draw.integers(0, 3, 23)
    same, one = np.eye(3, dtype=np.float32)[np.ones(23, int)], np.ones(23, int)
    for o, y in ((same, targets), (outputs, one)):
        wanted = KINDS[name][1](y, o.argmax(1), None, None)
        assert gathered(name, o, y, task="classes") == pytest.approx(wanted, rel=1e-5, abs=1e-6)
    both = {"matthews_correlation": 0.0, "cohen_kappa": np.nan, "balanced_accuracy": 1.0}[name]
    assert gathered(name, same, one, task="classes") == pytest.approx(both, nan_ok=True)


@pytest.mark.parametrize("name", [*KINDS, *VALUES])
def test_the_way_that_is_better_is_where_the_truth_lies(name):
    record, draw = nn.metrics.resolve(name), np.random.default_rng(3)
    if name in VALUES:
        targets = draw.uniform(1, 4, (9, 1)).astype(np.float32)
        truth, far, task = targets, 9 - targets, None
    else:
        targets = np.arange(9) % 2
        truth, far, task = (
            6 * np.eye(2, dtype=np.float32)[targets],
            6 * np.eye(2, dtype=np.float32)[1 - targets],
            "classes",
        )
        if name == "binary_accuracy":
            truth, far, task = truth[:, 1] - 3, far[:, 1] - 3, "binary"
    good, bad = (float(record.score(outputs, targets, task=task)) for outputs in (truth, far))
    assert good != bad and record.rises is (good > bad)
