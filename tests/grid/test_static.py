"""`nn.static`: a float that is structure, in every kind of space, in tables, folders and back."""

import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.core.hyper import join, split
from jaxnn.grid.space import axis_values, log, product, random, sobol, zip
from jaxnn.io.values import decode, encode

X = np.linspace(-1, 1, 8, dtype=np.float32)[:, None]
DATA = X, X[:, 0]


def shared(share, lr=0.1):
    return nn.Trial(nn.mlp((int(8 * share),), out=1), "squared_error", optax.sgd(lr))


def widths(runs):
    return [r.params["dense_0"]["kernel"].shape[1] for r in runs]


def grid(space, **options):
    return nn.grid(shared, DATA, space, epochs=1, progress=False, **options)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (0.5, 0.5), (3, 3), ("relu", "relu"), (True, True), ([0.5, 2.0], (0.5, 2.0)), ((1, (0.5,)), (1, (0.5,))),
        (np.array([[1.0, 2.0]]), ((1.0, 2.0),)), (np.float32(0.5), 0.5), (np.array(2), 2),
        (None, None), (np.inf, np.inf),
    ],
)  # fmt: skip
def test_the_trial_gets_the_plain_value_and_nothing_is_traced(given, found):
    inside, structure = split({"a": nn.static(given), "b": (nn.static(given), 0.5)})
    assert list(inside) == ["b"] and len(inside["b"]) == 1
    assert hash(structure) is not None
    value = join(structure, inside)["a"]
    assert value == found and type(value) is type(found)


def test_values_of_other_kinds_are_other_structures():
    kinds = [1, 1.0, True, (1,), (1.0,), [2.0], 2.0, "1"]
    found = [split({"a": nn.static(v)})[1] for v in kinds]
    assert len(set(found)) == len(kinds)
    assert split({"a": nn.static([0.5])})[1] == split({"a": nn.static(np.array([0.5]))})[1]
    assert split({"a": nn.static(3)})[1] == split({"a": 3})[1]


def test_the_numbers_of_a_spec_may_be_structure():
    stop = nn.EarlyStopping(patience=3)
    inside, structure = split({"stop": nn.static(stop)})
    assert inside == {} and join(structure, inside)["stop"] == stop


def test_what_cannot_be_structure_is_refused():
    for value, words in [({1, 2}, "cannot be structure"), (float("nan"), "holds NaN"), ([1.0, np.nan], "holds NaN")]:
        with pytest.raises(ValueError, match=words):
            split({"a": nn.static(value)})


@pytest.mark.parametrize(
    ("space", "shares"),
    [
        (product(share=nn.static([0.5, 1.0]), lr=[0.1, 0.2]), [0.5, 0.5, 1.0, 1.0]),
        (product(share=nn.static(0.5), lr=[0.1, 0.2]), [0.5, 0.5]),
        (zip(share=nn.static(np.array([0.5, 1.0])), lr=[0.1, 0.2]), [0.5, 1.0]),
        ([dict(share=nn.static(0.5)), dict(share=nn.static(1.0))], [0.5, 1.0]),
        (dict(share=nn.static(nn.logspace(0.25, 1.0, 3))), [0.25, 0.5, 1.0]),
        (product(share=nn.static([0.5])) + product(share=nn.static([1.0])), [0.5, 1.0]),
    ],
    ids=["product", "constant", "zip", "points", "logspace", "joined"],
)
def test_every_kind_of_space_takes_them_and_tables_show_plain_values(space, shares):
    runs = grid(space)
    assert runs.table["share"] == shares and [r.hparams["share"] for r in runs] == shares
    assert widths(runs) == [int(8 * s) for s in shares]


def test_drawn_values_are_static_too():
    for draw in (random, sobol):
        points = draw(8, a=nn.static((8.0, 9.0)), b=nn.static(log(1.0, 4.0)), c=nn.static([0.5, 2.0])).points
        plain = draw(8, a=(8.0, 9.0), b=log(1.0, 4.0), c=[0.5, 2.0]).points
        assert [{name: nn.static(v) for name, v in point.items()} for point in plain] == [*points]


def test_an_axis_of_them_keeps_the_rules_of_axes():
    assert axis_values("a", nn.static([1, 0.5])) == [nn.static(1.0), nn.static(0.5)]
    assert axis_values("a", nn.static(range(2))) == [nn.static(0), nn.static(1)]
    for axis, words in [([], "has no values"), ((8, 8), "is the tuple"), ([0.1, np.nan], "holds NaN, at number 1")]:
        with pytest.raises(ValueError, match=words):
            axis_values("a", nn.static(axis))


def test_fit_takes_them_and_one_value_is_one_program():
    first = nn.fit(shared, DATA, dict(share=nn.static(0.5), lr=0.1), epochs=1, progress=False)
    again = nn.fit(shared, DATA, dict(share=nn.static(0.5), lr=0.3), epochs=1, progress=False)
    other = nn.fit(shared, DATA, dict(share=nn.static(1.0), lr=0.1), epochs=1, progress=False)
    assert first.hparams == {"share": 0.5, "lr": 0.1} and widths([first, again, other]) == [4, 4, 8]
    assert [r.timing["compiles"] for r in (first, again, other)] == [2, 0, 2]


@pytest.mark.parametrize("value", [0.5, (1, 0.5), [0.5, [2]], "relu", np.array([1.0])])
def test_a_file_holds_them(value):
    found = decode(encode(nn.static(value)))
    assert split({"a": found})[1] == split({"a": nn.static(value)})[1]


def test_a_folder_gives_them_back_and_a_killed_grid_goes_on(tmp_path):
    space = dict(share=nn.static([0.5, 1.0]), lr=[0.1, 0.2])
    runs = grid(space, folder=tmp_path)
    for loaded in (nn.load_runs(tmp_path), nn.load_runs(tmp_path, shared), grid(space, folder=tmp_path)):
        assert loaded.table["share"] == [0.5, 0.5, 1.0, 1.0] and widths(loaded) == [4, 4, 8, 8]
        np.testing.assert_array_equal(loaded[3].predict(X), runs[3].predict(X))
    assert runs.replay(2).metrics.keys() == runs[2].metrics.keys()
    with pytest.raises(ValueError, match="holds another space"):
        grid(dict(share=nn.static([0.5, 0.75]), lr=[0.1, 0.2]), folder=tmp_path)
