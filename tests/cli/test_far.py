"""A grid in a folder, in a pool and in several processes, from the command line."""

import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import jax
import pandas
import pytest

import jaxnn as nn
from jaxnn.cli import main, train

GRID = ["grid", "iris", "--lr", "0.003,0.03", "--l2", "0", "--dropout", "0", "--hidden", "8", "--epochs", "4"]


def test_a_folder_is_gone_on_with(refused, capsys):
    refused([*GRID, "--resume", "runs"], "--resume: there is no grid in runs; write --folder runs to begin one")
    assert main([*GRID, "--folder", "runs", "--out", "out"]) == 0
    first = pandas.read_csv("out/results.csv")
    assert nn.load_runs("runs").table["val_loss"] == first.val_loss.tolist()
    capsys.readouterr()
    assert main([*GRID, "--resume", "runs", "--out", "again"]) == 0
    assert "0 compilation(s)" in capsys.readouterr().out
    pandas.testing.assert_frame_equal(pandas.read_csv("again/results.csv"), first)
    refused([*GRID, "--resume", "runs", "--folder", "runs"], "name one folder each; write --resume alone")
    assert main([*GRID, "--lr", "0.1", "--folder", "runs", "--out", "other"]) == 2
    assert "holds another space" in capsys.readouterr().err


def test_ray_takes_the_parts(monkeypatch):
    with ThreadPoolExecutor(2) as pool:
        asked = []
        monkeypatch.setattr(train, "ray", lambda: asked.append(0) or pool)
        assert main([*GRID, "--out", "out", "--ray", "--plan", "map"]) == 0
    assert asked == [0]
    assert main([*GRID, "--out", "alone", "--plan", "map"]) == 0
    pandas.testing.assert_frame_equal(pandas.read_csv("out/results.csv"), pandas.read_csv("alone/results.csv"))


def test_processes_without_a_cluster_are_told_how_to_begin(monkeypatch, refused):
    def nothing():
        raise ValueError("coordinator_address should be defined.")

    monkeypatch.setattr(jax.distributed, "initialize", nothing)
    refused([*GRID, "--distributed"], "--distributed finds no cluster .*; start it by srun or mpirun, or leave it out")


@pytest.mark.slow
def test_processes_as_srun_starts_them_share_one_grid():
    with socket.socket() as free:  # JAX takes the last 4096 ports, by the number of the job
        free.bind(("127.0.0.1", 0))
        job = free.getsockname()[1]
    cache = {"JAX_COMPILATION_CACHE_DIR": str(jax.config.jax_compilation_cache_dir)}
    slurm = {"SLURM_JOB_ID": str(job), "SLURM_STEP_NODELIST": "localhost", "SLURM_NTASKS": "2", "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-m", "jaxnn", *GRID, "--folder", "runs", "--distributed", "--plan", "map"]
    crew = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                         env=os.environ | cache | slurm | {"SLURM_PROCID": str(rank), "SLURM_LOCALID": str(rank),
                                                           "PYTHONPATH": os.pathsep.join(sys.path)})
        for rank in range(2)
    ]  # fmt: skip
    told = [one.communicate(timeout=200) for one in crew]
    assert [one.returncode for one in crew] == [0, 0], told
    assert "written to jaxnn-iris" in told[0][0] and "written" not in told[1][0]
    table = pandas.read_csv("jaxnn-iris/results.csv")
    assert len(nn.load_runs("runs")) == len(table) == 4 and nn.load_runs("runs").table["lr"] == table.lr.tolist()
