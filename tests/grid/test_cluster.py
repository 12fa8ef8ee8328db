"""A grid on a Ray cluster of two workers is the grid at home, whatever dies; a notebook's own layers travel."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

import jaxnn as nn

BAD = [(dict(num_cpus=-1), "num_cpus"), (dict(num_gpus="1"), "num_gpus"), (dict(max_retries=True), "max_retries"),
       (dict(workers=0), "workers")]  # fmt: skip


@pytest.mark.parametrize(("options", "name"), BAD)
def test_bad_numbers_are_told_without_a_cluster(options, name):
    with pytest.raises(ValueError, match=rf"{name} must be a .*; write nn.ray\({name}="):
        nn.ray(**options)


def test_it_shows_what_it_was_given():
    assert repr(nn.ray(workers=2, memory=10)) == "ray(num_cpus=1, num_gpus=0, max_retries=3, memory=10, workers=2)"
    assert nn.ray(workers=2).workers == 2


def test_without_ray_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r"pip install 'jaxnn-grid\[ray\]'"):
        nn.ray().submit(print)


SCRIPT = """
import os, signal, sys, time, warnings
import jax, numpy as np, optax
import jaxnn as nn
import ray
rng = np.random.default_rng(0)
x = rng.normal(size=(24, 3)).astype(np.float32)
y = (x[:, 0] > 0).astype(np.int32)
folder, marks = sys.argv[1:]

@nn.spec
class Scaled:  # that no worker can import
    by: float = nn.hyper(1.0)
    def init(self, key, x):
        return {}, {}
    def apply(self, params, state, x, *, key=None, train=False, rows=None):
        return x * self.by, state

def trial(lr, by):
    model = nn.Sequential(Scaled(by), nn.mlp((4,), out=2, dropout=0.2))
    return nn.Trial(model, "softmax_cross_entropy", optax.adam(lr))

def dies(lr, by):  # in each of two workers once, at a point
    here = os.getpid() == mother
    if not here and len(os.listdir(marks)) < 2:
        open(f"{marks}/{os.getpid()}", "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return trial(lr, by)

def fails(lr, by):
    if os.getpid() != mother:
        raise ValueError("no such file")
    return trial(lr, by)

mother = os.getpid()
space = dict(lr=[0.1, 0.01, 0.003], by=[1.0, 2.0])
options = dict(epochs=3, batch_size=8, validation=0.25, plan="map", progress=False)
home = nn.grid(trial, (x, y), space, **options)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
on = nn.ray()
assert on.workers == 2
runs = nn.grid(dies, (x, y), space, **options, on=on, folder=folder)
assert runs.table == home.table and runs.plan[0].parts == 2
jax.tree.map(np.testing.assert_array_equal, [r.params for r in runs], [r.params for r in home])
assert isinstance(runs[0].spec.layers[0], Scaled)
assert len(os.listdir(marks)) == 2
assert nn.load_runs(folder).table == home.table
try:
    nn.grid(fails, (x, y), space, **options, on=on)
except ValueError as error:
    assert type(error) is ValueError, type(error)
    print("; ".join([str(error), *error.__notes__]))
ray.shutdown()
"""


@pytest.mark.slow
def test_a_cluster_of_two_workers(tmp_path):
    pytest.importorskip("ray")
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "marks").mkdir()
    cache = {"JAX_COMPILATION_CACHE_DIR": str(jax.config.jax_compilation_cache_dir)}
    environment = os.environ | cache | {"PYTHONPATH": os.pathsep.join(sys.path), "RAY_AUTH_MODE": "disabled"}
    command = [sys.executable, "script.py", str(tmp_path / "folder"), str(tmp_path / "marks")]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    assert "no such file; " in done.stdout and "; in a worker that trained the points [" in done.stdout
    assert Path(tmp_path / "folder" / "table.csv").exists()
