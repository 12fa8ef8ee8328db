"""Tables and class names in `fit`, `grid`, `population` and out of files."""

import numpy as np
import optax
import pandas
import polars
import pytest
import scipy.sparse
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import jaxnn as nn
from tests.data.messy import messy

FRAME = messy(120).drop(columns="id")
X, Y = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32), np.arange(40) % 2
QUICK = dict(epochs=2, batch_size=16, progress=False)


def classes(lr=0.1):
    return nn.Trial(nn.softmax_regression(2), "softmax_cross_entropy", optax.sgd(lr))


def line(lr=0.1):
    return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))


@pytest.fixture(scope="module")
def run():
    return nn.fit(classes, (FRAME, "label"), validation=0.25, **QUICK)


def test_a_table_with_everything_in_it(run):
    assert run.features == ("size", "age", "city", "joined", "member") and run.classes == ("fine", "fraud")
    rows, held = nn.data.holdout(120, 0.25, labels=(FRAME.label == "fraud").astype(int))
    x, y = FRAME.drop(columns="label"), FRAME.label
    assert run.prepare == nn.data.Preparation().fit(x.iloc[rows])
    matrix, codes = run.prepare.transform(x), (y == "fraud").to_numpy(int)
    by_hand = nn.fit(
        classes, (matrix[rows], codes[rows]), validation=(matrix[held], codes[held]), **QUICK
    )  # the same numbers, prepared by hand
    for name, values in run.history.items():
        np.testing.assert_array_equal(values, by_hand.history[name])
    np.testing.assert_array_equal(run.predict_proba(x), by_hand.predict_proba(matrix))
    assert run.predict(x).tolist() == [run.classes[i] for i in by_hand.predict(matrix)]
    assert run.evaluate((FRAME, "label")) == by_hand.evaluate((matrix, codes))


def test_new_rows_are_found_by_name(run):
    x = FRAME.drop(columns="label")
    chances = run.predict_proba(x)
    np.testing.assert_array_equal(run.predict_proba(x[x.columns[::-1]].assign(extra=1)), chances)
    np.testing.assert_array_equal(run.predict_proba(polars.from_pandas(x.astype({"member": "boolean"}))), chances)
    assert np.isfinite(run.predict_proba(x.assign(city="Oslo"))).all()
    with pytest.raises(ValueError, match=r"the new rows lack 1 of the 5 columns .* \(age\)"):
        run.predict(x.drop(columns="age"))


def test_what_has_learned_before_learns_no_more(run):
    x = FRAME.drop(columns="label")
    more = nn.fit(classes, (x.iloc[:40], FRAME.label.iloc[:40]), prepare=run.prepare, start=run.params, **QUICK)
    assert more.prepare is run.prepare != nn.data.Preparation().fit(x.iloc[:40])
    assert run.predict(x.iloc[:0]).shape == (0,)


def test_names_of_a_data_set_are_looked_up_in_its_order():
    data = nn.data.load("gauss", n=40)
    run = nn.fit(classes, data, validation=(data.x, np.array(data.classes)[data.y]), **QUICK)
    assert data.classes == ("orange", "blue") == run.classes and run.predict(data.x).dtype.kind == "i"
    assert run.evaluate((data.x, np.array(data.classes)[data.y])) == run.evaluate(data)


def test_a_saved_model_prepares_as_it_did(run, tmp_path):
    run.save(tmp_path / "m.safetensors")
    again = nn.load(tmp_path / "m.safetensors")
    assert again.prepare == run.prepare and again.features == run.features and again.classes == run.classes
    x = FRAME.drop(columns="label")
    np.testing.assert_array_equal(again.predict_proba(x), run.predict_proba(x))
    assert again.predict(x).tolist() == run.predict(x).tolist()
    assert again.evaluate((FRAME, "label")) == run.evaluate((FRAME, "label"))


@pytest.mark.parametrize("plan", ["map", "vmap"])
def test_a_grid_is_its_fits(run, plan):
    runs = nn.grid(classes, (FRAME, "label"), dict(lr=[0.1, 0.2]), validation=0.25, plan=plan, **QUICK)
    assert runs[0].prepare == run.prepare and runs[1].classes == run.classes
    x = FRAME.drop(columns="label")
    np.testing.assert_allclose(runs[0].predict_proba(x), run.predict_proba(x), rtol=1e-4)
    together = runs.top(2).ensemble()
    assert set(together.predict(x)) <= set(run.classes)
    right = np.mean(together.predict(x) == FRAME.label)
    assert together.evaluate((FRAME, "label"))["accuracy"] == pytest.approx(right)


def test_a_folder_keeps_it_and_a_population_goes_on(run, tmp_path):
    options = dict(validation=0.25, batch_size=16)
    nn.grid(classes, (FRAME, "label"), dict(lr=[0.1]), folder=tmp_path / "g", epochs=2, progress=False, **options)
    loaded = nn.load_runs(tmp_path / "g", classes)[0]
    x = FRAME.drop(columns="label")
    assert loaded.prepare == run.prepare and loaded.predict(x).tolist() == run.predict(x).tolist()
    pop = nn.population(classes, (FRAME, "label"), dict(lr=[0.1]), epochs=2, **options)
    pop.advance(1)
    pop.save(tmp_path / "p")
    again = nn.Population.load(tmp_path / "p", classes, (FRAME, "label"))
    again.advance(1)
    np.testing.assert_array_equal(again.run(0).predict_proba(x), loaded.predict_proba(x))
    with pytest.raises(ValueError, match="x of the data has changed"):
        nn.Population.load(tmp_path / "p", classes, (FRAME.assign(age=1.0), "label"))


def test_a_column_transformer_takes_its_place(tmp_path):
    x = FRAME[["age", "city"]].where(FRAME[["age", "city"]].notna(), np.nan)
    pipe = ColumnTransformer([
        ("age", make_pipeline(SimpleImputer(), StandardScaler()), ["age"]),
        ("city", OneHotEncoder(handle_unknown="ignore"), ["city"]),
    ])  # fmt: skip
    run = nn.fit(classes, (x, FRAME.label), prepare=pipe, **QUICK)
    np.testing.assert_allclose(run.model.batch((x, FRAME.label)).x, pipe.fit_transform(x), rtol=1e-5, atol=1e-6)
    assert run.predict(x[["city", "age"]]).tolist() == run.predict(x).tolist()
    with pytest.raises(ValueError, match=r"ColumnTransformer can be written by pickle alone.*nn.data.Preparation\(\)"):
        run.save(tmp_path / "m.safetensors")
    assert not list(tmp_path.iterdir())


def test_plain_numbers_of_a_table_are_those_of_an_array():
    names = ["c", "a", "b"]
    frame = pandas.DataFrame(X, columns=names, index=np.arange(40)[::-1])
    of_frame, of_array = (nn.fit(classes, (x, Y), validation=0.2, standardise=True, **QUICK) for x in (frame, X))
    assert of_frame.features == tuple(names) and of_frame.prepare is None and of_array.features is None
    np.testing.assert_array_equal(of_frame.predict_proba(frame[sorted(names)]), of_array.predict_proba(X))
    sparse = nn.fit(classes, (scipy.sparse.csr_array(X), Y), validation=0.2, standardise=True, **QUICK)
    np.testing.assert_array_equal(sparse.predict_proba(scipy.sparse.csr_array(X)), of_array.predict_proba(X))


@pytest.mark.parametrize(
    ("names", "loss", "out"),
    [
        (["cat", "dog"], "softmax_cross_entropy", 2), ([False, True], "sigmoid_cross_entropy", 1),
        (["no", "yes"], "hinge", 1),
    ],
)  # fmt: skip
def test_class_names_come_back(names, loss, out, tmp_path):
    y = [names[i] for i in Y]
    trial = nn.Trial(nn.Dense(out), loss, optax.sgd(0.1))
    run = nn.fit(trial, (X, y), validation=(X[:8], y[:8]), **QUICK)
    numbers = nn.fit(trial, (X, Y), validation=(X[:8], Y[:8]), **QUICK)
    assert run.classes == tuple(names) and numbers.classes is None
    assert run.predict(X).tolist() == [names[i] for i in numbers.predict(X)]
    assert run.evaluate((X, y)) == numbers.evaluate((X, Y))
    run.save(tmp_path / "m.safetensors")
    assert nn.load(tmp_path / "m.safetensors").predict(X).tolist() == run.predict(X).tolist()
    with pytest.raises(ValueError, match="holds 'cow' in row 1, which is none of the classes"):
        run.evaluate((X[:1], ["cow"]))


def test_class_weights_go_by_the_names_of_targets():
    y = np.where(Y, "dog", "cat")

    def weighted(weights):
        return nn.Trial(nn.softmax_regression(2), "softmax_cross_entropy", optax.sgd(0.1), class_weight=weights)

    by_name, by_number = nn.fit(weighted({"dog": 3.0}), (X, y), **QUICK), nn.fit(weighted({1: 3.0}), (X, Y), **QUICK)
    np.testing.assert_array_equal(by_name.predict_proba(X), by_number.predict_proba(X))
    plain = nn.fit(weighted(None), (X, y), **QUICK)
    assert not np.array_equal(by_name.predict_proba(X), plain.predict_proba(X))


def test_several_outputs_out_of_a_table():
    graph = nn.Graph(("cls", nn.Dense(2), "x"), ("reg", nn.Dense(1), "x"), outputs=("cls", "reg"))
    loss = {"cls": "softmax_cross_entropy", "reg": "squared_error"}
    x, y = FRAME.drop(columns="label"), {"cls": (FRAME.label == "fraud").to_numpy(int), "reg": np.arange(120.0) / 120}
    run = nn.fit(nn.Trial(graph, loss, optax.sgd(0.1)), (x, y), validation=0.25, **QUICK)
    rows, held = nn.data.holdout(120, 0.25, labels=y["cls"])
    assert run.prepare == nn.data.Preparation().fit(x.iloc[rows])
    assert run.predict(x.iloc[held])["cls"].shape == (30,) and "val_cls_accuracy" in run.history
    assert np.isfinite(run.evaluate((x[x.columns[::-1]], y))["reg_loss"])


def test_class_names_that_no_file_holds_are_refused_when_saved(tmp_path):
    y = np.array([(i,) for i in Y], dtype="i,")[:].tolist()
    names = np.empty(40, object)
    names[:] = y
    run = nn.fit(classes, (X, names), **QUICK)
    assert run.classes == ((0,), (1,)) and set(run.predict(X)) <= {(0,), (1,)}
    with pytest.raises(ValueError, match=r"class \(0,\) is a tuple, which no file holds"):
        run.save(tmp_path / "m.safetensors")


def test_a_regression_of_whole_numbers_is_not_split_as_classes():
    y = np.r_[np.zeros(950, int), np.arange(1, 51)]
    x = np.ones((1000, 1), np.float32)
    source = nn.population(line, (x, y), dict(lr=[0.1]), validation=0.2).source
    assert source.held[0].y.max() > 0
    assert nn.fit(line, (x[:100], np.arange(100)), validation=0.2, **QUICK).epochs == 2
    with pytest.raises(ValueError, match=r"y holds 40 classes in 40 rows"):
        nn.fit(nn.Trial(nn.softmax_regression(40), "softmax_cross_entropy", optax.sgd(0.1)), (X, np.arange(40)),
               validation=0.2, **QUICK)  # fmt: skip


def test_the_last_rows_and_groups(tmp_path):
    run = nn.population(line, (X, X[:, 0]), dict(lr=[0.1]), validation="last", shuffle=False)
    np.testing.assert_array_equal(run.source.held[0].x, X[32:])
    run.advance(1)
    run.save(tmp_path / "p")
    assert nn.Population.load(tmp_path / "p", line, (X, X[:, 0])).source.validation == ["last", 0.2]
    with pytest.raises(ValueError, match=r'drawn at random; write validation=\("last", 0.2\)'):
        nn.fit(line, (X, X[:, 0]), validation=0.2, shuffle=False, **QUICK)
    frame = pandas.DataFrame(X, columns=list("abc")).assign(patient=np.arange(40) // 4, y=X[:, 0])
    source = nn.population(line, (frame, "y"), dict(lr=[0.1]), validation=0.2, groups="patient").source
    assert source.features == ("a", "b", "c") and len(source.held[0].y) == 8
    assert not set(frame.patient[source.parts[0]]) & set(np.setdiff1d(np.arange(40), source.parts[0]) // 4)
    with pytest.raises(ValueError, match=r"groups= says which rows a split keeps together; write validation=0.2"):
        nn.fit(line, (frame, "y"), groups="patient", **QUICK)


def test_inputs_of_several_arrays_are_standardised(tmp_path):
    mask = np.arange(5) < (1 + Y * 3)[:, None]
    sequence = np.repeat(X[:, None], 5, 1) * 50 + 7
    steps = nn.Sequential(nn.SimpleRNN(3), nn.Dense(1))
    run = nn.fit(
        nn.Trial(steps, "squared_error", optax.sgd(0.01)), ((sequence, mask), X[:, 0]), standardise=True, **QUICK
    )
    np.testing.assert_allclose(run.standardiser.mean["0"], sequence[mask].mean(0), rtol=1e-6)
    run.save(tmp_path / "m.safetensors")
    again = nn.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(again.predict((sequence, mask)), run.predict((sequence, mask)))

    names = nn.Sequential(nn.Embed(2, 2), nn.Flatten())
    model = nn.Graph(("ids", names, "id"), ("all", nn.Join("concat"), ("ids", "x")), ("y", nn.Dense(1), "all"))
    x = {"id": Y[:, None], "x": X * 100 + 5}
    runs = nn.grid(nn.Trial(model, "squared_error", optax.sgd(0.01)), (x, X[:, 0]), dict(seed=[0, 1]), standardise=True,
                   folder=tmp_path / "g", **QUICK)  # fmt: skip
    np.testing.assert_allclose(runs[0].standardiser.mean["x"], x["x"].mean(0), rtol=1e-6)
    np.testing.assert_array_equal(nn.load_runs(tmp_path / "g")[0].predict(x), runs[0].predict(x))


@pytest.mark.parametrize(
    ("data", "options", "words"),
    [
        ((X, np.full(40, 5_000_000_000)), {}, "whole number 5000000000, which int32 cannot hold"),
        ((X, np.full(40, 1e300)), {}, r"y of the data holds 1e\+300, which float32 cannot hold"),
        ((X.astype(float) * 1e39, Y), {}, "which float32 cannot hold; write standardise=True"),
        ((np.ma.masked_array(X, mask=X > 1), Y), {}, "masked values"),
        ((np.array(["2024-01-01"] * 40, "datetime64[D]")[:, None], Y), {}, "holds dates"),
        (([[1.0], [2.0, 3.0]], [0, 1]), {}, "different lengths"),
        ((X, ["a", "b"] * 20), {}, "holds 'a' and the loss takes numbers"),
        ((X, Y), {"prepare": "median"}, "prepare must have fit and transform"),
        (pandas.DataFrame(X), {}, r"is one table; write \(table, '2'\)"),
        ((pandas.DataFrame(X), "z"), {}, "has no column 'z'"),
    ],
)
def test_bad_data_get_one_sentence(data, options, words):
    with pytest.raises(ValueError, match=words) as caught:
        nn.fit(line, data, {"lr": 0.1}, **QUICK, **options)
    assert "\n" not in str(caught.value)


def test_numbers_that_float32_cannot_hold_are_standardised():
    run = nn.fit(line, (X.astype(float) * 1e39, X[:, 0]), standardise=True, **QUICK)
    same = nn.fit(line, (X.astype(float), X[:, 0]), standardise=True, **QUICK)
    np.testing.assert_allclose(run.predict(X.astype(float) * 1e39), same.predict(X.astype(float)), rtol=1e-4, atol=1e-5)


def test_masked_arrays_and_gaps_with_a_preparation():
    masked = np.ma.masked_array(X, mask=X > 1)
    run = nn.fit(line, (masked, X[:, 0]), prepare=nn.data.Preparation(), **QUICK)
    gaps = np.where(X > 1, np.nan, X)
    np.testing.assert_allclose(run.predict(gaps), run.predict(masked), rtol=1e-6)
    assert run.prepare.names[:2] == ("x0", "x0 missing")
