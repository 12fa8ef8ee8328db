"""The standard library as text, characters as numbers, windows for what comes next."""

import hashlib
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest

import jaxnn as nn


def test_the_corpus_is_source_code_in_a_fixed_order():
    text = nn.data.stdlib_corpus(200_000)
    assert len(text) == 200_000
    assert nn.data.stdlib_corpus(50_000) == text[:50_000]
    assert text.isascii()
    assert text.count("def ") > 200
    first = min(p.name for p in Path(sysconfig.get_path("stdlib")).glob("*.py"))
    assert text.startswith(Path(sysconfig.get_path("stdlib"), first).read_text(encoding="utf-8"))


def test_another_process_reads_the_same_text():
    program = (
        "import hashlib, jaxnn.data.text as t; print(hashlib.sha256(t.stdlib_corpus(300_000).encode()).hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    ours = hashlib.sha256(nn.data.stdlib_corpus(300_000).encode()).hexdigest()
    assert other.stdout.strip() == ours


def test_the_whole_is_large_and_has_no_tests():
    text = nn.data.stdlib_corpus()
    assert len(text) > 3_000_000
    assert "import unittest.mock" not in text[:100_000]
    assert set(text) <= set("\n" + "".join(map(chr, range(32, 127))))


@pytest.mark.parametrize("arguments", [{"max_chars": 0}, {"chars": "a"}])
def test_a_corpus_of_nothing_is_refused(arguments):
    with pytest.raises(ValueError, match=r"max_chars must be|holds no source files"):
        nn.data.stdlib_corpus(**arguments)


def test_tokens_there_and_back():
    text = nn.data.stdlib_corpus(5000)
    tokens = nn.data.CharTokens.of(text)
    ids = tokens.encode(text)
    assert ids.dtype == np.int32
    assert ids.shape == (5000,)
    assert tokens.vocab == len(set(text)) == ids.max() + 1
    assert tokens.decode(ids) == text
    assert tokens.encode("").shape == (0,)


def test_strange_characters_and_numbers_are_refused():
    tokens = nn.data.CharTokens.of("abc")
    with pytest.raises(ValueError, match="'d' is not among the 3 characters"):
        tokens.encode("abd")
    for wrong in ([3], [-1]):
        with pytest.raises(ValueError, match=r"ids must lie in 0 \.\.\. 2"):
            tokens.decode(wrong)


@pytest.mark.parametrize(("length", "stride"), [(4, None), (4, 1), (4, 7), (99, None)])
def test_windows_are_slices(length, stride):
    ids = np.random.default_rng(0).integers(0, 50, 100)
    x, y = nn.data.windows(ids, length, stride)
    starts = range(0, 100 - length, stride or length)
    np.testing.assert_array_equal(x, [ids[i : i + length] for i in starts])
    np.testing.assert_array_equal(y, [ids[i + 1 : i + length + 1] for i in starts])
    assert x.flags.c_contiguous


@pytest.mark.parametrize(("ids", "length"), [([1, 2, 3], 3), ([[1, 2, 3]], 1), ([1, 2], 0)])
def test_windows_that_do_not_fit_are_refused(ids, length):
    with pytest.raises(ValueError, match=r"windows of|length and stride"):
        nn.data.windows(ids, length)


def test_each_character_stands_once():
    assert len(nn.data.CharTokens("abc")) == 3 == nn.data.CharTokens("abc").vocab
    assert nn.data.CharTokens("abc") == nn.data.CharTokens.of("cabcab")
    with pytest.raises(ValueError, match=r"'a' stands twice.*write CharTokens.of\(text\)"):
        nn.data.CharTokens("aba")


def test_files_of_other_characters_are_left_out_and_the_text_is_cut_where_it_is_told():
    chars = "\n" + "".join(map(chr, range(32, 127)))
    assert nn.data.stdlib_corpus(3000, chars) == nn.data.stdlib_corpus(3000)
    fewer = nn.data.stdlib_corpus(3000, chars.replace("~", ""))
    assert len(fewer) == 3000 and "~" not in fewer
    assert nn.data.stdlib_corpus(1) == nn.data.stdlib_corpus(2)[:1]
    first = min(p.name for p in Path(sysconfig.get_path("stdlib")).glob("*.py"))
    one = Path(sysconfig.get_path("stdlib"), first).read_text(encoding="utf-8")
    for size in (len(one) - 1, len(one), len(one) + 1):
        assert len(nn.data.stdlib_corpus(size)) == size


def test_top_level_modules_come_before_packages():
    text, root = nn.data.stdlib_corpus(), Path(sysconfig.get_path("stdlib"))
    package = (root / "json" / "decoder.py").read_text(encoding="utf-8")
    last = (root / "zipimport.py").read_text(encoding="utf-8")
    assert 0 < text.index(last) < text.index(package)
    assert text.index((root / "json" / "encoder.py").read_text(encoding="utf-8")) > text.index(package)


@pytest.mark.parametrize(("length", "stride"), [(0, 1), (1, 0), (-1, None), (2, -1)])
def test_sizes_below_one_are_refused(length, stride):
    with pytest.raises(ValueError, match=f"length and stride must be at least 1, got {length} and"):
        nn.data.windows(np.arange(9), length, stride)
    assert [a.tolist() for a in nn.data.windows([5, 6], 1, 1)] == [[[5]], [[6]]]


def test_numbers_at_the_ends_are_characters_and_tokens_stay_as_they_are():
    tokens = nn.data.CharTokens.of("abc")
    assert tokens.decode([0, 2]) == "ac" and tokens.decode([]) == ""
    with pytest.raises(ValueError, match=r"ids must lie in 0 \.\.\. 2, got 0 \.\.\. 3"):
        tokens.decode([0, 3])
    with pytest.raises(AttributeError):
        tokens.chars = "xyz"
