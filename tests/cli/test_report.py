"""What a grid leaves behind: the order of the leaderboard, the table as a file, the axes of the picture."""

import csv

import numpy as np
import pandas
import pytest

from jaxnn.cli.report import leaderboard, ranking, two_axes, write_csv

NAN = float("nan")


def test_the_ranking_is_pandas_order():
    draw = np.random.default_rng(0)
    frame = pandas.DataFrame({"val_r2": draw.integers(0, 4, 40) / 4.0, "val_loss": draw.normal(size=40)})
    frame.loc[[3, 17], "val_r2"] = NAN
    frame.loc[[17, 30], "val_loss"] = NAN
    expected = frame.sort_values(["val_r2", "val_loss"], ascending=[False, True], na_position="last", kind="stable")
    assert ranking(frame.to_dict("list"), "r2").tolist() == expected.index.tolist()


def test_the_leaderboard_shows_the_axes_that_vary_and_counts_epochs_from_one():
    table = {
        "lr": [0.1, 0.01, 0.01],
        "hidden": [(8,), (8,), (16, 8)],
        "l2": [0.5] * 3,
        "val_accuracy": [0.5, 0.75, 1.0],
    }
    table |= {"val_loss": [3.0, 2.0, 1.0], "best_epoch": [0, 4, 9]}
    lines = leaderboard(table, np.array([2, 1, 0]), "accuracy", ["lr", "hidden", "l2"], k=2).splitlines()
    *lines, constant = lines
    assert constant.split() == ["all", "of", "them:", "l2", "0.5"]
    assert [line.split() for line in lines] == [
        ["rank", "network", "lr", "hidden", "val_accuracy", "val_loss", "epoch"],
        ["1", "2", "0.01", "16-8", "1.0000", "1", "10"],
        ["2", "1", "0.01", "8", "0.7500", "2", "5"],
    ]
    assert len({len(line) for line in lines}) == 1


def test_a_table_written_is_read_again(tmp_path):
    table = {"hidden": [(), (64, 32)], "lr": [0.1, 1e-5], "val_loss": [NAN, 0.25], "note": [None, 'a, "b"\n']}
    write_csv(tmp_path / "t.csv", table)
    with open(tmp_path / "t.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["hidden"] for row in rows] == ["none", "64-32"]
    assert [row["val_loss"] for row in rows] == ["", "0.25"] and float(rows[1]["lr"]) == 1e-5
    assert [row["note"] for row in rows] == ["", 'a, "b"\n']


@pytest.mark.parametrize(
    ("table", "chosen"),
    [
        ({"lr": [0.1, 0.2, 0.3], "l2": [0.0, 0.1, 0.1], "seed": [0, 1, 2]}, ("lr", "l2")),
        ({"l2": [0.0, 0.1, 0.1], "lr": [0.1, 0.2, 0.3]}, ("lr", "l2")),
        ({"lr": [0.1, 0.2], "hidden": [(8,), (16,)]}, None),
        ({"lr": [0.1, 0.2], "l2": [0.5, 0.5]}, None),
    ],
)
def test_the_picture_is_drawn_over_the_two_longest_axes_of_numbers(table, chosen):
    assert two_axes(table, list(table)) == chosen
