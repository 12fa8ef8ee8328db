"""The strict test room: strict dtype promotion, no silent rank promotion, cheap compilation, fast repeats."""

import gc
import importlib.metadata
import os
import tempfile
from types import SimpleNamespace

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ["XLA_FLAGS"] = (
    f"{os.environ.get('XLA_FLAGS', '')} --xla_backend_optimization_level=0 --xla_cpu_multi_thread_eigen=false"
)
if importlib.metadata.version("jaxlib").startswith("0.10."):  # later ones no longer have the choice
    os.environ["XLA_FLAGS"] += " --xla_cpu_use_fusion_emitters=false"

import jax
import pytest

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_compilation_cache_dir", os.path.join(tempfile.gettempdir(), "jaxnn-test-cache"))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


MOST_MAPS = 20_000
"""Pieces of memory of a process; Linux allows 65,530, and each compiled program takes several."""


@pytest.fixture(autouse=True, scope="module")
def _programs_let_go():
    """Programs are forgotten after a file where a process holds many: thousands of them end it by a crash."""
    yield
    maps = "/proc/self/maps"
    if os.path.exists(maps):
        with open(maps) as lines:
            many = sum(1 for _ in lines) > MOST_MAPS
        if many:
            from jaxnn.train.program import forget

            forget()
            jax.clear_caches()
            gc.collect()


@pytest.fixture
def key():
    """A threefry key."""
    return jax.random.key(0, impl="threefry2x32")


@pytest.fixture
def made_runs():
    """Makes `Runs` of a space and of given metrics, ``(runs,)`` or ``(runs, epochs)``, that nothing has trained."""
    return _made_runs


def _made_runs(space, *, diverged=(), missing=(), directions=None, **history):
    import numpy as np

    from jaxnn.grid.cohort import Cohort
    from jaxnn.grid.results import Runs
    from jaxnn.grid.space import as_space
    from jaxnn.train.outcome import Outcome

    points = as_space(space)
    curves = {name: np.asarray(values, float).reshape(len(points), -1) for name, values in history.items()}
    epochs = max(v.shape[1] for v in curves.values())
    here = np.array([i for i in range(len(points)) if i not in missing])
    sick = np.where(np.isin(np.arange(len(points)), diverged), 3, -1)
    done = np.full(len(points), epochs)
    weights = {"kernel": np.arange(2.0 * len(points)).reshape(-1, 2)}
    outcome = Outcome(weights, {}, done, done - 1, sick, np.zeros(len(points), bool), curves)
    outcome = jax.tree.map(lambda a: a[here], outcome)
    make = lambda k: SimpleNamespace(number=int(here[k]), spec=(0,))  # noqa: E731
    return Runs(None, None, points, None, (Cohort(here, outcome, make, None, None, directions or {}),), {})


@pytest.fixture
def registry():
    """The losses and metrics by name, which are afterwards what they were."""
    from jaxnn.core.registry import LOSSES, METRICS

    before = [(names, dict(names)) for names in (LOSSES, METRICS)]
    yield
    for names, known in before:
        names.clear()
        names.update(known)


def pytest_collection_modifyitems(items):
    """Skip the tests marked ``gpu`` where there is none."""
    if any(item.get_closest_marker("gpu") for item in items) and jax.default_backend() != "gpu":
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="there is no GPU"))
