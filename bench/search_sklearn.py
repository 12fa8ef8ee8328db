"""How long does a grid search take? ``python bench/search_sklearn.py``: 64 candidates on 5 folds of the digits.

Ours beside scikit-learn's over its own networks, on all cores, one after the other; in float32 and in the float64 that
scikit-learn computes in. With compilation is the first search of a fresh process; with a warm cache every later one.
"""

import os
import sys
import time
import warnings

import numpy as np
from common import machine, save

import jaxnn as nn

WIDTH, EPOCHS, FOLDS, SIDE = 50, 50, 5, 8


def grid(side: int) -> dict[str, list[float]]:
    """So many strengths of the penalty times as many learning rates."""
    return {"alpha": np.logspace(-5, 1, side).tolist(), "learning_rate_init": np.logspace(-4, -1, side).tolist()}


def ours(dtype: str, side: int, folds: int, epochs: int) -> object:
    """Our search over our networks."""
    from jaxnn.sklearn import GridSearchCV, MLPClassifier

    model = MLPClassifier((WIDTH,), max_iter=epochs, random_state=0, dtype=dtype)
    return GridSearchCV(model, grid(side), cv=folds).fit(*digits())


def theirs(side: int, folds: int, epochs: int) -> object:
    """scikit-learn's search over its networks, a process for each core."""
    from sklearn.model_selection import GridSearchCV
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier((WIDTH,), max_iter=epochs, random_state=0)
    return GridSearchCV(model, grid(side), cv=folds, n_jobs=-1).fit(*digits())


def digits() -> tuple[np.ndarray, np.ndarray]:
    """The handwritten digits, scaled to [0, 1]."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return x / 16, y


def measure(side: int = SIDE, folds: int = FOLDS, epochs: int = EPOCHS, repeats: int = 3) -> dict:
    """Seconds, best parameters and mean scores of each, taken in turn."""
    runs = {
        "jaxnn, float32": lambda: ours("float32", side, folds, epochs),
        "jaxnn, float64": lambda: ours("float64", side, folds, epochs),
        "scikit-learn, all cores": lambda: theirs(side, folds, epochs),
    }
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    found = {}
    for _ in range(repeats):
        for name, run in runs.items():
            began = time.perf_counter()
            found[name] = run()
            seconds[name].append(time.perf_counter() - began)
    last = "scikit-learn, all cores"
    return {
        name: {
            "first": values[0],
            "warm": float(np.median(values[1:] or values)),
            "best_params": found[name].best_params_,
            "best_score": float(found[name].best_score_),
            "largest difference of mean scores": float(
                np.abs(found[name].cv_results_["mean_test_score"] - found[last].cv_results_["mean_test_score"]).max()
            ),
        }
        for name, values in seconds.items()
    }


def run(**options: int) -> dict:
    """Print the table; arguments of `measure`."""
    warnings.simplefilter("ignore")  # networks that came to the end of their epochs
    os.environ["PYTHONWARNINGS"] = "ignore"
    nn.configure(cpu_devices="auto")
    found = measure(**options)
    base = found["scikit-learn, all cores"]["warm"]
    print("| | first s | times faster | warm s | times faster | best parameters | score | off by |\n|" + "---|" * 8)
    for name, row in found.items():
        told = ", ".join(f"{k} {v:.3g}" for k, v in row["best_params"].items())
        print(
            f"| {name} | {row['first']:.1f} | {base / row['first']:.1f} | {row['warm']:.1f} | {base / row['warm']:.1f} "
            f"| {told} | {row['best_score']:.4f} | {row['largest difference of mean scores']:.4f} |"
        )
    return found


if __name__ == "__main__":
    print(machine() + "\n")
    if "--small" in sys.argv:
        run(side=2, folds=2, epochs=5, repeats=2)
    else:
        save("search_sklearn", run())
