"""`configure` in processes of its own: it changes what it says, and only that."""

import os
import subprocess
import sys

import pytest

from jaxnn.settings import configure, default_cache

CACHE = """
import sys, os, jax, jax.numpy as jnp, jaxnn as nn
nn.configure(cpu_devices=2, compilation_cache={cache!r})
assert jax.device_count() == 2, jax.devices()
print(jax.config.jax_compilation_cache_dir)
jax.jit(lambda x: x * 2 + 1)(jnp.ones(3)).block_until_ready()
nn.configure(cpu_devices=2)
nn.configure(compilation_cache=False)
assert jax.config.jax_compilation_cache_dir is None
"""


@pytest.mark.parametrize("given", [True, "own"])
def test_devices_and_a_folder_of_compiled_programs(tmp_path, given):
    cache = str(tmp_path / "own") if given == "own" else True
    words = [sys.executable, "-c", CACHE.format(cache=cache)]
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "home")}
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "own" if given == "own" else tmp_path / "home" / "jaxnn" / "xla"
    assert done.stdout.strip() == str(folder)
    assert any(folder.iterdir()), "no program was kept"


@pytest.mark.parametrize("wanted", [0, -1, 2.0, True, "all"])
def test_a_number_of_devices_that_is_none(wanted):
    with pytest.raises(ValueError, match='cpu_devices must be a whole number of at least 1 or "auto", got'):
        configure(cpu_devices=wanted)


def test_the_folder_of_the_user(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "jaxnn" / "xla"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_cache() == tmp_path / ".cache" / "jaxnn" / "xla"
