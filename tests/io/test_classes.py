"""Class names in a file, of one output and of several."""

import json

import pytest

from jaxnn.io.classes import read, written

LOSSES = {"kind": "hinge", "boxes": ("huber", "softmax_cross_entropy")}


@pytest.mark.parametrize(
    ("classes", "loss"),
    [
        (None, "hinge"),
        (("no", "yes"), "hinge"),
        ((3, 7), "hinge"),
        ({"kind": ("no", "yes"), "boxes": {0: None, 1: ("a", "b", "c")}}, LOSSES),
    ],
)
def test_names_come_back_as_they_were(classes, loss):
    text = json.loads(json.dumps(written(classes, lambda name: name)))
    assert read(text, loss, lambda name: name) == classes


def test_names_of_an_output_that_is_not_there_are_refused():
    with pytest.raises(ValueError, match=r"class names of \('kinds',\), which is no output"):
        read({"outputs": [[["kinds"], ["a", "b"]]]}, LOSSES, str)
