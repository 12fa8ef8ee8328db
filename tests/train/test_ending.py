"""How a training ends otherwise than well."""

import warnings

import numpy as np
import pytest

import jaxnn as nn
from jaxnn.train.ending import told


def test_the_healthy_are_not_spoken_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        told(np.array([-1, -1]))
        told(np.array([], int))


@pytest.mark.parametrize(
    ("diverged", "words"),
    [
        ([7], "the network diverged, first at step 7, and went back"),
        ([0], "the network diverged, first at step 0"),
        ([-1, 9, 4], "2 of 3 networks diverged, first at step 4"),
        ([-1, 0], "1 of 2 networks diverged, first at step 0"),
    ],
)
def test_one_warning_tells_who_and_when_and_what_to_write(diverged, words):
    with pytest.warns(nn.DivergedWarning, match=words) as caught:
        told(np.array(diverged))
    assert len(caught) == 1
    assert "write a smaller learning rate, or nn.clip_by_norm(1.0) in front" in str(caught[0].message)


def test_an_interruption_is_a_keyboard_interrupt_that_holds_runs():
    with pytest.raises(KeyboardInterrupt, match=r"interrupted; 2 run\(s\) are in the attribute runs") as caught:
        raise nn.Interrupted(["a", "b"])
    assert caught.value.runs == ["a", "b"]
