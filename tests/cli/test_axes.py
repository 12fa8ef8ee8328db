"""Axes read from text, against numpy's own ranges."""

import numpy as np
import pytest

from jaxnn.cli import axes
from jaxnn.cli.axes import Bad


def test_numbers_ranges_and_mixtures():
    read = axes.numbers("--l2", axes.NOT_NEGATIVE)
    assert read("0.1") == [0.1]
    assert read(" 0.1, 1e-2 ,0") == [0.1, 0.01, 0.0]
    np.testing.assert_allclose(read("1e-4:1e-1:8"), np.geomspace(1e-4, 1e-1, 8), rtol=1e-11)
    assert read("1e-4:1e-1:8")[::7] == [1e-4, 1e-1]
    assert read("0,1e-1:1e-3:3,5") == [0.0, 0.1, 0.01, 0.001, 5.0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("abc", "'abc' is no number; write --lr 0.1,0.2 or --lr 1e-4:1e-1:8"),
        ("", "has an empty value"),
        ("0.1,,0.2", "has an empty value"),
        ("nan", "nan is out of range; write a number that is above 0"),
        ("inf", "inf is out of range"),
        ("0", "0 is out of range"),
        ("-1", "-1 is out of range"),
        ("1e-4:1e-1", "is no range"),
        ("1e-4:1e-1:x", "is no range"),
        ("1e-4:1e-1:1", "is no range"),
        ("1e-4:1e-1:99999", "is no range"),
        ("1:b:3", "'b' is no number"),
        ("0:1:3", "0 is out of range"),
        ("0.1,0.10", "0.1 is there twice"),
        ("0.1:0.1:3", "0.1 is there twice"),
    ],
)
def test_numbers_refuse(text, words):
    with pytest.raises(Bad, match=f"^--lr: .*{words}"):
        axes.numbers("--lr", axes.POSITIVE)(text)


def test_a_range_does_not_hold_zero():
    with pytest.raises(Bad, match=r"without 0; write --l2 0,1e-5:1e-3:3"):
        axes.numbers("--l2", axes.NOT_NEGATIVE)("0:1:3")


@pytest.mark.parametrize(
    ("allowed", "inside", "outside"),
    [
        (axes.POSITIVE, [1e-300, 5.0], [0.0, -1.0, np.inf, np.nan]),
        (axes.NOT_NEGATIVE, [0.0, 5.0], [-1e-9, np.inf, np.nan]),
        (axes.RATE, [0.0, 0.999], [1.0, -0.1, np.nan]),
        (axes.SHARE, [0.001, 0.999], [0.0, 1.0, np.nan]),
        (axes.NOISE, [0.0, 0.5], [0.51, -0.1, np.nan]),
    ],
)
def test_ranges(allowed, inside, outside):
    assert all(map(allowed.takes, inside))
    assert not any(map(allowed.takes, outside))


def test_one_number():
    assert axes.number("--test", axes.SHARE)("0.25") == 0.25
    with pytest.raises(Bad, match="one number is needed"):
        axes.number("--test", axes.SHARE)("0.25,0.5")


def test_whole_numbers():
    assert axes.counts("--batch-size")("32, 64") == [32, 64]
    assert axes.count("--patience", 0)("0") == 0
    for text in ("0", "-1", "1.5", "x", "1e3", "4294967296", "²"):
        with pytest.raises(Bad, match=r"--epochs: .* is no whole number of at least 1"):
            axes.count("--epochs")(text)


@pytest.mark.parametrize(
    ("text", "structures"),
    [
        ("100,100", [(100, 100)]),
        ("64/100,100/none", [(64,), (100, 100), ()]),
        ("64 100,100", [(64,), (100, 100)]),
        (" 64 / 100, 100 ", [(64,), (100, 100)]),
    ],
)
def test_structures(text, structures):
    assert axes.structures("--hidden")(text) == structures


@pytest.mark.parametrize("text", ["", "0", "a", "100,", "100,-1", "64/", "1.5"])
def test_structures_refuse(text):
    with pytest.raises(Bad, match="is no list of widths; write --hidden 100,100"):
        axes.structures("--hidden")(text)
    with pytest.raises(Bad, match=r"\(64,\) is there twice"):
        axes.structures("--hidden")("64/64")


def test_words():
    assert axes.activations("--activation")("relu,tanh") == ["relu", "tanh"]
    with pytest.raises(Bad, match="no activation is named 'rel'; write 'relu', or choose one of linear, step, "):
        axes.activations("--activation")("rel")
    assert axes.switch("--batch-norm")("both") == [False, True]
    with pytest.raises(Bad, match="'yes' is none of off, on and both"):
        axes.switch("--batch-norm")("yes")
