"""The picture of a classifier whose boundary is known."""

import numpy as np
import pytest
from matplotlib import pyplot

from jaxnn.plot import boundary

X = np.array([[-1.0, -1.0], [1.0, 1.0], [1.0, -1.0], [-1.0, 1.0]])
Y = np.array([0, 1, 1, 0])


@pytest.fixture(autouse=True)
def _close():
    yield
    pyplot.close("all")


def _logit(points):
    return 4.0 * (points[:, 0] - 0.25)


WAYS = {
    "codes": lambda p: (_logit(p) > 0).astype(int),
    "truth": lambda p: _logit(p) > 0,
    "probability": lambda p: 1 / (1 + np.exp(-_logit(p))),
    "column": lambda p: 1 / (1 + np.exp(-_logit(p)))[:, None],
    "logits": lambda p: np.stack([-_logit(p), _logit(p)], axis=1) / 2,
    "probabilities": lambda p: np.stack([1 / (1 + np.exp(_logit(p))), 1 / (1 + np.exp(-_logit(p)))], axis=1),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_line_lies_where_the_classes_meet(way):
    ax = boundary(WAYS[way], X, Y, steps=60)
    lines = [path.vertices for drawn in ax.collections[:2] for path in drawn.get_paths()]
    across = np.concatenate(lines)[:, 0]
    np.testing.assert_allclose(across, 0.25, atol=2.4 / 59)
    shade = ax.images[0].get_array()
    assert shade.shape == (60, 60, 3)
    assert np.all(shade[:, 0, 0] > shade[:, 0, 2])
    assert np.all(shade[:, -1, 0] < shade[:, -1, 2])


def test_surer_is_deeper():
    shade = boundary(WAYS["probability"], X, Y, steps=60).images[0].get_array()
    assert np.all(np.diff(shade[0, 40:, 0]) < 0)


def test_rows_and_names_are_shown():
    ax = boundary(lambda p: p @ np.eye(2, 3), X, [0, 1, 2, 2], classes=("a", "b", "c"), names=("u", "v"), steps=10)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b", "c"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("u", "v")
    np.testing.assert_array_equal(ax.collections[-1].get_offsets(), X[2:])


def test_a_classifier_of_one_opinion_has_no_line():
    ax = boundary(lambda p: np.zeros(len(p), int), X, Y, steps=10)
    assert len(ax.collections) == 2


def test_boundary_refuses_more_features():
    with pytest.raises(ValueError, match=r"two features, got \(2, 3\)"):
        boundary(WAYS["codes"], np.ones((2, 3)), [0, 1])
