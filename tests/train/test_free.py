"""What memory is free, as the system, a container or a device tells."""

import re
from pathlib import Path
from types import SimpleNamespace

import jax
import pytest

from jaxnn.train.free import FRACTION, UNKNOWN, available, free


def device(platform="gpu", **stats):
    return SimpleNamespace(platform=platform, memory_stats=lambda: stats or None)


def test_of_a_device_its_limit_less_what_is_in_use_and_of_several_the_least():
    one, other = device(bytes_limit=100, bytes_in_use=30), device("tpu", bytes_limit=90)
    assert free((one,)) == 70 and free((other,)) == 90 and free((one, other)) == 70
    assert free((device(bytes_limit=10, bytes_in_use=11),)) == 0


def test_a_device_that_does_not_tell_gets_the_share_that_jax_takes(monkeypatch):
    monkeypatch.delenv(FRACTION, raising=False)
    assert free((device(),)) == UNKNOWN * 3 // 4
    monkeypatch.setenv(FRACTION, ".25")
    assert free((device(),)) == UNKNOWN // 4


def test_devices_of_a_cpu_share_main_memory():
    one = free((device("cpu"),))
    assert one * 0.8 < 4 * free((device("cpu"),) * 4) < one * 1.2


@pytest.mark.skipif(not Path("/proc/meminfo").is_file(), reason="the oracle is Linux's own table")
def test_main_memory_is_what_linux_says_is_available():
    told = int(re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text())[1]) * 1024
    assert 0 < available() < told * 1.2


def put(root, **files):
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_a_container_has_no_more_than_its_limit(tmp_path):
    put(tmp_path, proc__meminfo="MemTotal: 900 kB\nMemAvailable:   700 kB\n")
    assert available(tmp_path) == 700 * 1024
    group = tmp_path / "sys/fs/cgroup"
    put(group, **{"memory.max": "max\n", "memory.current": "5\n", "memory.stat": "inactive_file 1\n"})
    assert available(tmp_path) == 700 * 1024
    put(
        group, **{"memory.max": "500000\n", "memory.current": "300000\n", "memory.stat": "anon 7\ninactive_file 1000\n"}
    )
    assert available(tmp_path) == 201_000
    old = {"memory.limit_in_bytes": "90000", "memory.usage_in_bytes": "95000", "memory.stat": "total_inactive_file 0"}
    put(group / "memory", **old)
    assert available(tmp_path) == 0


def test_without_a_table_free_pages_count(tmp_path):
    assert available(tmp_path) > 0
    put(tmp_path, proc__meminfo="nothing of use")
    assert available(tmp_path) > 0


def test_a_device_that_is_not_here_does_not_tell():
    class Far:
        platform = "gpu"

        def memory_stats(self):
            raise jax.errors.JaxRuntimeError("INVALID_ARGUMENT: MemoryStats is only supported for addressable devices.")

    assert free((Far(),)) > 0
