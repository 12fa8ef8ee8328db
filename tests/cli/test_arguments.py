"""The words of the command line."""

import pytest

from jaxnn.cli.arguments import parse
from jaxnn.cli.axes import Bad


def test_the_default_grid_has_at_least_128_members():
    words = parse(["grid", "digits"])
    assert len(words.lr) * len(words.l2) * len(words.dropout) * words.seeds >= 128
    assert (words.lr[0], words.lr[-1], words.test, words.validation) == (1e-4, 1e-1, 0.2, 0.2)


def test_flags_are_read():
    axes = "--lr 0.1,0.2 --l1 1e-4 --hidden 8/none --batch-size 16 --activation tanh --batch-norm both"
    rest = "--target y --seeds 3 --epochs 5 --patience 0 --plan map --test 0.3 --validation 0.1 --quiet --out o"
    words = parse(["grid", "t.csv", *axes.split(), *rest.split()])
    assert (words.target, words.lr, words.l1, words.hidden) == ("y", [0.1, 0.2], [1e-4], [(8,), ()])
    assert (words.seeds, words.epochs, words.batch_size, words.activation) == (3, 5, [16], ["tanh"])
    assert (words.batch_norm, words.patience, words.plan, words.test) == ([False, True], 0, "map", 0.3)
    assert (words.validation, words.quiet, words.out) == (0.1, True, "o")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "required: COMMAND; see jaxnn --help"),
        ("gird digits", "invalid choice: 'gird'"),
        ("grid", "required: DATA; see jaxnn grid --help"),
        ("grid digits --foo", "unrecognized arguments: --foo"),
        ("grid digits --l 1", "unrecognized arguments: --l 1"),
        ("grid digits --lr", "expected one argument"),
        ("grid digits --lr abc", "^--lr: 'abc' is no number"),
        ("grid digits --seeds 0", "^--seeds: '0' is no whole number"),
        ("grid digits --plan fast", "^--plan: 'fast' is none of auto, map, vmap; write --plan auto"),
        ("fit digits --lr 0.1,0.2", "is an axis of 2 values.*write jaxnn grid"),
        ("fit digits --seeds 3", "unrecognized arguments: --seeds 3"),
    ],
)
def test_bad_words_get_one_sentence(line, words):
    with pytest.raises(Bad, match=words) as caught:
        parse(line.split())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("command", ["grid", "fit", "predict"])
def test_help_teaches(command, capsys):
    with pytest.raises(SystemExit) as caught:
        parse([command, "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert f"jaxnn {command} " in text
    assert "Examples:" in text
    assert all(len(line) <= 120 for line in text.splitlines())


def test_the_help_of_a_grid_says_what_an_axis_is(capsys):
    with pytest.raises(SystemExit):
        parse(["grid", "-h"])
    text = capsys.readouterr().out
    assert "An axis is a flag with several values" in text
    assert "--lr 1e-4:1e-1:8           eight values" in text
