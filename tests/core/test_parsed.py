"""JSON that one does not trust: a value, or one sentence."""

import json

import pytest

from jaxnn.core.parsed import parse


def test_what_json_writes_comes_back():
    value = {"a": [1, 2.5, None, True, "ü"], "b": {"c": {}}, "big": 2**70}
    assert parse(json.dumps(value)) == parse(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": 1, "b": 2, "a": 3}', "'a' is there twice"),
        ('[{"x": {"y": 1, "y": 1}}]', "'y' is there twice"),
        ("[" * 100_000, "nested too deep"),
        ('{"a":' * 100_000, "nested too deep"),
        ("{", "Expecting"),
        ("9" * 5_000, "digits"),
        (b"\xff\xfe\x00", "decode"),
        (None, "JSON"),
        (3, "JSON"),
    ],
)
def test_all_else_is_one_sentence(text, words):
    with pytest.raises(ValueError, match=words) as caught:
        parse(text)
    assert "\n" not in str(caught.value)
