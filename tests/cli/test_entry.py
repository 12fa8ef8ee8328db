"""Exit status, one sentence for every fault, and folders that stay as they were."""

import os
import subprocess
import sys

import pytest

from jaxnn.cli import main, train

SMALL = ["--l2", "0", "--dropout", "0", "--seeds", "1", "--hidden", "8", "--epochs", "4"]


def _content(folder):
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


def test_quiet_prints_nothing(capfd):
    assert main(["fit", "xor", "--epochs", "2", "--hidden", "4", "--batch-norm", "on", "--quiet"]) == 0
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


BAD_TABLES = {
    "a target missing": ("x,y\n1,a\n2,b\n3,\n4,b\n", "'y' of table.csv has 1 missing value"),
    "a class each row": (
        "x,y\n" + "".join(f"{i},c{i}\n" for i in range(120)),
        "holds 120 classes in 120 rows, too few",
    ),
    "infinite": ("x,y\n1,a\ninf,b\n3,a\n4,b\n", "holds inf in row 2"),
    "one class": ("x,y\n1,a\n2,a\n3,a\n4,a\n", "holds one class only"),
    "one value": ("x,y\n1,0.5\n2,0.5\n3,0.5\n4,0.5\n", "nothing to learn"),
    "no column": ("x,z\n1,2\n", "has no column 'y'; its columns are x, z"),
    "no rows": ("x,y\n", "no rows"),
    "empty": ("", "is empty"),
    "few rows": ("x,y\n1,a\n2,b\n", "too few for a test part"),
    "a class of one": ("x,y\n1,a\n2,b\n3,a\n", "has 3 rows, too few"),
    "no features": ("y\na\nb\n", "no column besides the target"),
    "no table": ('x,y\n"1,a\n', "cannot be read as a table"),
}


@pytest.mark.parametrize("command", ["grid", "fit"])
@pytest.mark.parametrize("name", BAD_TABLES)
def test_a_bad_table_gets_one_sentence_and_leaves_the_folder(tmp_path, command, name, refused):
    text, words = BAD_TABLES[name]
    (tmp_path / "table.csv").write_text(text)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "results.csv").write_text("old")
    before = _content(tmp_path / "out")
    refused([command, "table.csv", "--target", "y", "--out", "out"], words)
    assert _content(tmp_path / "out") == before
    assert sorted(os.listdir(tmp_path)) == ["out", "table.csv"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("grid nowhere.csv --target y", "there is no file nowhere.csv"),
        ("grid digit", "no data set is named 'digit'; choose one of digits, iris"),
        ("grid digits --target y", "--target is for files and digits is none"),
        ("grid digits --noise 0.1", "--noise is for circle, xor, gauss, spiral"),
        ("grid digits --lr abc", "'abc' is no number"),
        ("grid digits --lr", "expected one argument"),
        ("grid digits --seeds 100000", "make 6400000 networks, more than 100000"),
        ("grid xor --test 0.999", "has 500 rows, too few"),
        ("fit xor --test 0.99 --validation 0.99", "has 500 rows, too few"),
        ("grid xor --lr 1e30 --hidden 4 --epochs 2 --seeds 1 --l2 0 --dropout 0 --quiet", "every network diverged"),
        ("fit xor --lr 1e30 --hidden 4 --epochs 2 --quiet", "the network diverged; write a smaller learning rate"),
    ],
)
def test_bad_words_get_one_sentence_and_leave_the_folder(tmp_path, line, words, refused):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "results.csv").write_text("old")
    before = _content(tmp_path / "out")
    refused([*line.split(), "--out", "out"], words)
    assert _content(tmp_path / "out") == before
    assert os.listdir(tmp_path) == ["out"]


def test_a_table_without_target_is_told_its_columns(refused, houses):
    houses()
    refused(["grid", "houses.csv"], "houses.csv needs --target COLUMN; its columns are size, age, price")


def test_an_interruption_leaves_nothing(capsys, tmp_path, monkeypatch):
    def interrupted(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "grid", interrupted)
    assert main(["grid", "xor", "--quiet"]) == 130
    assert capsys.readouterr().err == "jaxnn: interrupted; nothing was written\n"
    assert os.listdir(tmp_path) == []


def test_a_folder_of_other_things_is_not_touched(tmp_path, refused):
    (tmp_path / "diary.txt").write_text("mine")
    refused(["fit", "xor", "--out", "."], "holds 'diary.txt', which is none of our results")
    assert os.listdir(tmp_path) == ["diary.txt"]


def test_as_a_program(tmp_path):
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    env.pop("MPLBACKEND", None)
    run = [sys.executable, "-m", "jaxnn"]
    options = {"env": env, "cwd": tmp_path, "capture_output": True, "text": True, "timeout": 240}
    line = ["grid", "xor", *SMALL, "--lr", "0.01,0.1,1.0", "--out", "out"]
    done = subprocess.run([*run, *line], check=False, **options)
    assert (done.returncode, done.stderr) == (0, "")
    assert "3 networks on xor" in done.stdout
    assert f"{len(os.sched_getaffinity(0))} device(s)" in done.stdout
    assert sorted(os.listdir(tmp_path / "out")) == ["curves.png", "results.csv", "winner.safetensors"]
    assert os.listdir(tmp_path / "cache" / "jaxnn" / "xla")
    bad = subprocess.run([*run, "fit", "nowhere.csv", "--target", "y"], check=False, **options)
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr == "jaxnn: there is no file nowhere.csv; give the path of a .csv or .parquet file\n"
