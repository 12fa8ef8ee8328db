"""What the commands say while they train: the data, warnings, scores."""

import contextlib
import warnings
from argparse import Namespace
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from jaxnn.cli.problem import Problem, scores
from jaxnn.data.tables import SUFFIXES


@contextlib.contextmanager
def warnings_told(words: Namespace) -> Iterator[None]:
    """What the library warns of, as lines beside the others; of divergence more is told later."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    told = dict.fromkeys(str(w.message) for w in caught if w.category is UserWarning)
    say(words, *told)


def can_draw(words: Namespace) -> bool:
    """Whether there is something to draw with; if not, what to install is said."""
    found = find_spec("matplotlib") is not None
    if not found:
        say(words, "no pictures without matplotlib: pip install 'jaxnn-grid[plot]'")
    return found


def score(words: Namespace, who: str, model: Any, task: Problem) -> None:
    """Print the test scores of a model."""
    values = scores(model, task.test.x, task.test.y)
    told = ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in values.items())
    say(words, f"test score of the {who}: {told} ({len(task.test.y)} rows that no network saw)")


def constant(words: Namespace, task: Problem) -> None:
    """Print the test scores of always the same prediction, beside which the others say something."""
    if task.target is None:
        always = int(np.bincount(task.train.y).argmax())
        shown = repr(always if task.train.classes is None else task.train.classes[always])
    else:
        always = float(np.ravel(task.target.mean)[0])
        shown = f"the mean {always:.4g}"
    values = scores(SimpleNamespace(predict=lambda x: np.full(len(x), always)), task.test.x, task.test.y)
    told = ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in values.items())
    say(words, f"baseline, always {shown}: {told}")


def about(task: Problem) -> str:
    """The data in one line."""
    kind = "a regression" if task.train.classes is None else f"{len(task.train.classes)} classes"
    held = "" if task.held is None else f", {len(task.held.y)} to validate"
    rows = f"{len(task.train.y)} rows to train{held} and {len(task.test.y)} to test"
    return f"{task.train.name}: {len(task.train.features)} features, {kind}, {rows}"


def lists(history: dict[str, Any]) -> dict[str, list[float]]:
    """Curves as columns of numbers."""
    return {name: [float(value) for value in values] for name, values in history.items()}


def stem(data: str) -> str:
    """The name of a data set, or of a file without its ending."""
    name = Path(data).name
    suffix = next((s for s in sorted(SUFFIXES, key=len, reverse=True) if name.lower().endswith(s)), "")
    return name[: len(name) - len(suffix)]


def use(words: Namespace) -> str:
    """What `jaxnn predict` is told after the model."""
    return words.data if words.target is None else f"new.csv  (or {words.data} --target {words.target})"


def say(words: Namespace, *lines: str) -> None:
    """Print lines, unless nothing is to be said."""
    if lines and not words.quiet:
        print(*lines, sep="\n", flush=True)
