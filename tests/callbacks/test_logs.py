"""Logs: what stands in the files is the history, member by member, while it trains and after a kill."""

import csv
import json
from types import SimpleNamespace

import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.callbacks import log_csv, log_jsonl

X = np.random.default_rng(0).normal(size=(12, 2)).astype(np.float32)
Y = (X @ np.float32([1, -2])).astype(np.float32)
OPTIONS = dict(batch_size=4, progress=False)


def line(lr):
    return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr), metrics="mean_absolute_error")


def penalised(lr, l2):
    """Two structures, with a penalty and without."""
    return nn.Trial(nn.linear_regression(), "squared_error", optax.chain(*([nn.l2(0.1)] if l2 else []), optax.sgd(lr)))


def table(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def check(lines, histories):
    """Every line of a member and an epoch is its place in the history, in order, and none is missing."""
    places = [(int(row["epoch"]) - 1, int(row["member"])) for row in lines]
    counts = [len(history["loss"]) for history in histories]
    assert places == [(e, i) for e in range(max(counts)) for i, count in enumerate(counts) if e < count]
    for row, (epoch, member) in zip(lines, places, strict=True):
        for name, values in histories[member].items():
            assert float(row[name]) == float(values[epoch])


@pytest.fixture(scope="module")
def logged(tmp_path_factory):
    """A grid in which one member stops long before the others, and both logs of it, in a folder not there before."""
    folder = tmp_path_factory.mktemp("logs") / "new"
    logs = [log_csv(folder / "log.csv"), log_jsonl(folder / "log.jsonl")]
    stop = nn.EarlyStopping("loss", patience=1, min_delta=1e-3)
    rates = dict(lr=[0.05, 1e-6, 0.1])
    runs = nn.grid(line, (X, Y), rates, epochs=5, stop=stop, callbacks=logs, **OPTIONS)
    return runs, folder


def test_csv_is_the_history_and_a_member_that_stopped_has_no_more_lines(logged):
    runs, folder = logged
    assert sorted(run.epochs for run in runs) == [2, 5, 5]
    check(table(folder / "log.csv"), [run.history for run in runs])
    header = (folder / "log.csv").read_text().splitlines()[0]
    assert header == "epoch,member,loss,mean_absolute_error"


def test_jsonl_is_the_history_with_the_points(logged):
    runs, folder = logged
    lines = [json.loads(text) for text in (folder / "log.jsonl").read_text().splitlines()]
    check(lines, [run.history for run in runs])
    assert all(row["lr"] == runs[row["member"]].hparams["lr"] for row in lines)
    assert set(lines[0]) == {"epoch", "member", "lr", "loss", "mean_absolute_error"}


@pytest.mark.parametrize(("log", "name"), [(log_csv, "log.csv"), (log_jsonl, "log.jsonl")])
def test_it_begins_anew_unless_it_appends(log, name, tmp_path):
    def lines():
        text = (tmp_path / name).read_text()
        rows = table(tmp_path / name) if name == "log.csv" else [json.loads(row) for row in text.splitlines()]
        return [int(row["epoch"]) for row in rows]

    first = nn.fit(line, (X, Y), dict(lr=0.1), epochs=2, callbacks=[log(tmp_path / name, append=True)], **OPTIONS)
    assert lines() == [1, 2]
    then = [log(tmp_path / name, append=True)]
    nn.fit(line, (X, Y), dict(lr=0.1), epochs=2, start=first, callbacks=then, **OPTIONS)
    assert lines() == [1, 2, 3, 4]
    nn.fit(line, (X, Y), dict(lr=0.1), epochs=1, callbacks=[log(tmp_path / name)], **OPTIONS)
    assert lines() == [1]


def test_a_metric_of_one_structure_gets_a_column_of_its_own(tmp_path):
    log = log_csv(tmp_path / "log.csv")
    space = dict(lr=[0.1, 0.2], l2=["", "yes"])
    runs = nn.grid(penalised, (X, Y), space, epochs=2, callbacks=[log], **OPTIONS)
    rows = table(tmp_path / "log.csv")
    assert all(set(row) == {"epoch", "member", "loss", "penalty"} for row in rows)
    plain, others = ([run.history for run in runs if run.hparams["l2"] == l2] for l2 in ("", "yes"))
    assert [row["member"] for row in rows] == ["0", "2", "0", "2", "1", "3", "1", "3"]  # their numbers in the grid
    for row in rows:
        row["member"] = str(int(row["member"]) // 2)
    check(rows[:4], plain)
    check(rows[4:], others)
    assert [row["penalty"] for row in rows[:4]] == [""] * 4
    again = log_csv(tmp_path / "log.csv", append=True)
    again(SimpleNamespace(numbers=[0]), 3, {"loss": np.array([0.5]), "accuracy": np.array([0.25])})
    grown = table(tmp_path / "log.csv")
    for row in grown[:-1]:
        row["member"] = str(int(row["member"]) // 2)
    assert [{k: v for k, v in row.items() if k != "accuracy"} for row in grown[:-1]] == rows
    assert grown[-1] == {"epoch": "3", "member": "0", "loss": "0.5", "penalty": "", "accuracy": "0.25"}


def test_what_is_not_known_is_empty_and_what_is_no_number_is_null(tmp_path):
    row = {"loss": np.array([1.0, np.nan, 2.0]), "val_loss": np.array([np.nan, np.nan, np.inf])}
    log_csv(tmp_path / "log.csv")(SimpleNamespace(numbers=range(3)), 7, row)
    wanted = ["epoch,member,loss,val_loss", "7,0,1.0,", "7,2,2.0,inf"]
    assert (tmp_path / "log.csv").read_text().splitlines() == wanted

    def function():
        return None

    def model(lr, f, flag):
        return line(lr)

    pop = nn.population(model, (X, Y), dict(lr=[0.1], f=[function], flag=[True]))
    one = {name: values[2:] for name, values in row.items()}
    log_jsonl(tmp_path / "log.jsonl")(pop, 7, one)
    found = json.loads((tmp_path / "log.jsonl").read_text())
    assert found["val_loss"] is None and found["loss"] == 2.0 and found["flag"] is True
    assert "function" in found["f"]
