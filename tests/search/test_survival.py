"""A search in a folder that is interrupted again and again is the one that nobody touched."""

import contextlib

import numpy as np
import pytest

import jaxnn as nn
from jaxnn.io import folder as folders

SPACE = dict(wide=[False, True], lr=nn.logspace(1e-3, 0.5, 9))
SEARCHES = [
    nn.Halving(metric="val_loss"),
    nn.Halving(metric="val_loss", asynchronous=True),
    nn.Hyperband(metric="val_loss"),
]


class Killed(Exception):
    """What ends a process in these tests."""


class Dying:
    """Writing that ends the process at random, before any of the files."""

    def __init__(self, seed):
        self.rng, self.write, self.deaths, self.armed = np.random.default_rng(seed), folders.write, 0, True

    def __call__(self, *args):
        if self.armed and self.rng.random() < 0.2:
            self.deaths += 1
            raise Killed
        self.write(*args)


@pytest.mark.parametrize("search", SEARCHES, ids=["rounds", "as they come", "hyperband"])
@pytest.mark.parametrize("plan", ["map", nn.Plan(1, 1, 4)], ids=["map", "chunks"])
def test_killed_in_every_rung_it_is_as_if_nobody_had_touched_it(problem, tmp_path, monkeypatch, search, plan):
    whole, dying = problem.grid(SPACE, plan=plan, search=search), Dying(0)
    monkeypatch.setattr(folders, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(folders, "write", dying)
    for _ in range(9):
        with contextlib.suppress(Killed):
            problem.grid(SPACE, plan=plan, search=search, folder=tmp_path / "a")
    assert dying.deaths >= 3
    dying.armed = False
    runs = problem.grid(SPACE, plan=plan, search=search, folder=tmp_path / "a")
    assert runs.table == whole.table
    for ours, theirs in zip(runs.rungs, whole.rungs, strict=True):
        assert ours.budget == theirs.budget and ours.members.tolist() == theirs.members.tolist()
        np.testing.assert_array_equal(ours.scores, theirs.scores)
    problem.assert_alone(runs)
    stored = nn.load_runs(tmp_path / "a")
    assert stored.table == whole.table
    assert stored.best("val_loss").hparams == whole.best("val_loss").hparams


def test_ctrl_c_gives_what_had_begun_and_the_folder_goes_on(problem, tmp_path):
    def interrupt(population, epoch, row):
        if epoch == 5:
            raise KeyboardInterrupt

    search = nn.Halving(metric="val_loss")
    with pytest.raises(nn.Interrupted) as caught:
        problem.grid(SPACE, search=search, folder=tmp_path / "a", callbacks=[interrupt])
    epochs = [run.epochs for run in caught.value.runs]
    assert len(epochs) == 18 and sorted(set(epochs)) == [1, 3, 5]
    assert max(nn.load_runs(tmp_path / "a").table["epochs_done"]) == 5
    runs = problem.grid(SPACE, search=search, folder=tmp_path / "a")
    problem.assert_alone(runs)


def test_a_folder_of_another_search_is_refused(problem, tmp_path):
    problem.grid(SPACE, search=nn.Halving(metric="val_loss"), folder=tmp_path / "a")
    for search in (None, nn.Halving(metric="val_loss", factor=2)):
        with pytest.raises(ValueError, match=r"holds a grid with search=Halving\(factor=3.*and not .*; write another"):
            problem.grid(SPACE, search=search, folder=tmp_path / "a")


@pytest.mark.parametrize("search", [nn.Halving(budget="rows"), nn.PopulationBased()], ids=["rows", "population-based"])
def test_what_a_folder_cannot_hold_is_refused_before_anything_is_written(problem, tmp_path, search):
    with pytest.raises(ValueError, match="leave folder= out"):
        problem.grid(SPACE, search=search, folder=tmp_path / "a")
    assert not (tmp_path / "a").exists()
