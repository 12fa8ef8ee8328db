"""What came of a structure, and how it is told."""

import numpy as np

from jaxnn.grid.cohort import Report, Reports, together
from jaxnn.grid.memory import Memory


def test_a_plan_tells_the_structure_of_its_members():
    report = dict(members=2, plan="map", compile_seconds=1.0, run_seconds=0.25, compiles=2)
    report["memory"] = Memory(3 << 20, "line", 1 << 30, 2 << 20, 1)
    rest = (
        "map; 2 compilation(s) in 1.00 s, ran 0.25 s; memory of a call 2.0 MiB (two small programs said 3.0 MiB) of "
        "1.0 GiB free, halved 1 time(s) as the device was out of it"
    )
    assert str(Report({}, **report)) == f"2 members (one structure): {rest}"
    assert str(Report({"hidden": (4,), "act": "relu"}, **report)) == f"2 members (hidden=(4,), act=relu): {rest}"
    assert repr(Reports([Report({}, **report)] * 2)).count("\n") == 1


def test_members_of_structures_stand_in_the_order_of_the_space(made_runs):
    runs = made_runs(dict(lr=[0.1, 0.2, 0.3]), loss=[[1, 2], [3, 4], [5, 6]], diverged=[2], missing=[1])
    whole = together(runs.cohorts, 3)
    np.testing.assert_array_equal(whole.history["loss"], [[1, 2], [np.nan, np.nan], [5, 6]])
    assert whole.diverged.tolist() == [-1, -1, 3] and whole.epochs.tolist() == [2, 0, 2]
    assert together([], 2).history == {}
