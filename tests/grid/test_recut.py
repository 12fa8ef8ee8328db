"""More workers go on with what fewer began: nothing is lost, nothing twice, to the bit."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import jax
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.grid import recut as module
from jaxnn.train.population import Population

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int32)
SPACE = dict(lr=[0.1, 0.01, 0.003], hidden=[(), (4,)], seed=[0, 1])
OPTIONS = dict(epochs=6, batch_size=8, validation=0.25, plan=nn.Plan(1, 1, 4), progress=False)


class Killed(BaseException):
    pass


def trial(lr, hidden):
    return nn.Trial(nn.mlp(hidden, out=2, dropout=0.2), "softmax_cross_entropy", optax.adam(lr))


@pytest.fixture(scope="module")
def whole():
    return nn.grid(trial, (X, Y), SPACE, **OPTIONS)


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """Of the first structure four members have done all epochs and two of them two; the second has not begun."""
    folder, train, calls = tmp_path_factory.mktemp("grid") / "begun", Population._train, []

    def killed(self, number, group, target, visited):
        calls.append(number)
        if len(calls) == 2:
            train(self, number, group, 2, visited)
            for visit in self.visits:
                visit(number, group, True)
            raise Killed
        train(self, number, group, target, visited)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Population, "_train", killed)
        with pytest.raises(Killed):
            nn.grid(trial, (X, Y), SPACE, **OPTIONS, folder=folder)
    assert nn.load_runs(folder)._outcome.epochs.tolist() == [6, 6, 0, 0, 6, 6, 0, 0, 2, 2, 0, 0]
    return folder


@pytest.fixture
def folder(begun, tmp_path):
    return shutil.copytree(begun, tmp_path / "folder")


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def same(ours, theirs):
    assert ours.table == theirs.table
    jax.tree.map(np.testing.assert_array_equal, [r.params for r in ours], [r.params for r in theirs])


@pytest.mark.parametrize("workers", [2, 3, 5])
def test_more_workers_go_on_where_one_was(folder, whole, workers):
    with ThreadPoolExecutor(workers) as pool:
        runs = nn.grid(trial, (X, Y), SPACE, **OPTIONS, folder=folder, on=pool)
    same(runs, whole)
    same(nn.load_runs(folder), whole)
    parts = json.loads((folder / "grid.json").read_text())["parts"]
    assert sorted(part["name"] for part in parts) == names(folder)
    assert len(parts) == 2 if workers == 2 else len(parts) >= workers
    same(nn.grid(trial, (X, Y), SPACE, **OPTIONS, folder=folder), whole)


def test_a_cut_that_was_killed_loses_nothing(folder, whole, monkeypatch):
    def killed(*args):
        raise Killed

    before = nn.load_runs(folder)._outcome
    monkeypatch.setattr(module, "write_grid", killed)
    with pytest.raises(Killed), ThreadPoolExecutor(4) as pool:
        nn.grid(trial, (X, Y), SPACE, **OPTIONS, folder=folder, on=pool)
    jax.tree.map(np.testing.assert_array_equal, nn.load_runs(folder)._outcome, before)
    monkeypatch.undo()
    with ThreadPoolExecutor(4) as pool:
        same(nn.grid(trial, (X, Y), SPACE, **OPTIONS, folder=folder, on=pool), whole)


def test_what_has_ended_is_not_cut(folder, whole):
    nn.grid(trial, (X, Y), SPACE, **OPTIONS, folder=folder)
    there = names(folder)
    with ThreadPoolExecutor(6) as pool:
        same(nn.grid(trial, (X, Y), SPACE, **OPTIONS, folder=folder, on=pool), whole)
    assert names(folder) == there


def test_a_part_that_is_named_out_of_the_folder_is_refused(folder):
    about = json.loads((folder / "grid.json").read_text())
    for name in ("../elsewhere", "/tmp", "structure_000/../..", 3):
        about["parts"][0]["name"] = name
        (folder / "grid.json").write_text(json.dumps(about))
        with pytest.raises(ValueError, match=r"grid\.json is damaged"):
            nn.load_runs(folder)
