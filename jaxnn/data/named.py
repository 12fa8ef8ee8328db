"""The data sets that scikit-learn carries as files, read without importing scikit-learn, which takes a second."""

import gzip
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

Parts: TypeAlias = tuple[Any, Any, tuple[str, ...], tuple[str, ...] | None]
"""``x``, ``y``, the names of the features and, unless it is a regression, of the classes."""


def read(name: str) -> Parts:
    """One of `SETS`; where scikit-learn keeps its files elsewhere, it is imported after all.

    Raises:
        ImportError: without scikit-learn.

    Source: ``sklearn.datasets.load_digits`` and its siblings, whose arrays these are.

    Example:
        >>> x, y, features, classes = read("iris")
        >>> x.shape, features[0], classes
        ((150, 4), 'sepal length (cm)', ('setosa', 'versicolor', 'virginica'))
    """
    found = find_spec("sklearn")
    if found is None or not found.submodule_search_locations:
        raise ImportError(f"{name} is a data set of scikit-learn; write pip install 'jaxnn-grid[data]'")
    try:
        return SETS[name](Path(found.submodule_search_locations[0]) / "datasets" / "data")
    except OSError:
        return _imported(name)


def _imported(name: str) -> Parts:
    from sklearn import datasets

    loaded = getattr(datasets, f"load_{name}")()
    classes = tuple(map(str, loaded.target_names)) if "target_names" in loaded else None
    y = loaded.target if classes is None else loaded.target.astype(np.int32)
    return loaded.data, y, tuple(loaded.feature_names), classes


def _plain(path: Path, features: tuple[str, ...]) -> Parts:
    """A file whose first line is: rows, features, the class names."""
    with open(path, encoding="utf-8") as lines:
        classes = tuple(next(lines).strip().split(",")[2:])
        table = np.loadtxt(lines, delimiter=",", ndmin=2)
    return table[:, :-1], table[:, -1].astype(np.int32), features, classes


def _gzipped(path: Path, delimiter: str | None = None) -> np.ndarray:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return np.loadtxt(lines, delimiter=delimiter)


def _iris(folder: Path) -> Parts:
    parts = ("sepal length", "sepal width", "petal length", "petal width")
    return _plain(folder / "iris.csv", tuple(f"{part} (cm)" for part in parts))


def _wine(folder: Path) -> Parts:
    features = (
        "alcohol malic_acid ash alcalinity_of_ash magnesium total_phenols flavanoids nonflavanoid_phenols "
        "proanthocyanins color_intensity hue od280/od315_of_diluted_wines proline"
    )
    return _plain(folder / "wine_data.csv", tuple(features.split()))


def _breast_cancer(folder: Path) -> Parts:
    parts = "radius,texture,perimeter,area,smoothness,compactness,concavity,concave points,symmetry,fractal dimension"
    forms = ("mean {}", "{} error", "worst {}")
    features = tuple(form.format(part) for form in forms for part in parts.split(","))
    return _plain(folder / "breast_cancer.csv", features)


def _digits(folder: Path) -> Parts:
    table = _gzipped(folder / "digits.csv.gz", ",")
    features = tuple(f"pixel_{row}_{column}" for row in range(8) for column in range(8))
    classes = tuple(str(digit) for digit in range(10))
    return table[:, :-1], table[:, -1].astype(np.int32), features, classes


def _diabetes(folder: Path) -> Parts:
    x = _gzipped(folder / "diabetes_data_raw.csv.gz")
    y = _gzipped(folder / "diabetes_target.csv.gz")
    x = (x - x.mean(axis=0)) / x.std(axis=0) / len(x) ** 0.5
    return x, y, ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"), None


SETS: dict[str, Callable[[Path], Parts]] = {
    "digits": _digits,
    "iris": _iris,
    "wine": _wine,
    "breast_cancer": _breast_cancer,
    "diabetes": _diabetes,
}
