"""The table of devices: data sheets' numbers, names as JAX says them, and none guessed."""

import pytest

from jaxnn.core.devices import DEVICES, device, short_names


@pytest.mark.parametrize(
    ("name", "tera", "gigabytes"),
    [  # kinds as `jax.Device.device_kind` and `nvidia-smi` print them; dense bfloat16 of the data sheets
        ("NVIDIA A100-SXM4-80GB", 312, 80),
        ("NVIDIA A100-SXM4-40GB", 312, 40),
        ("NVIDIA H100 80GB HBM3", 989.4, 80),
        ("NVIDIA H200", 989.4, 141),
        ("NVIDIA GB200", 2500, 186),
        ("Tesla T4", 65, 16),
        ("Tesla V100-SXM2-16GB", 125, 16),
        ("NVIDIA L4", 121, 24),
        ("NVIDIA GeForce RTX 4090", 165.2, 24),
        ("TPU v4", 275, 32),
        ("TPU v5 lite", 197, 16),
        ("TPU v5", 459, 95),
        ("TPU v6 lite", 918, 32),
        ("a100", 312, 80),
        ("v5e", 197, 16),
    ],
)
def test_known_devices(name, tera, gigabytes):
    found = device(name, "")
    assert (found.peak / 1e12, found.memory / 1e9) == (tera, gigabytes)


@pytest.mark.parametrize("name", ["cpu", "NVIDIA H20", "NVIDIA A100-SXM4-40GB MIG 1g.5gb", "TPU v55", "", "tpu"])
def test_others_are_refused_and_not_guessed(name):
    with pytest.raises(ValueError, match=r"is not known \(known are .*H200.*TPU v5e.*\); write this\(peak=1\)"):
        device(name, "this(peak=1)")


def test_every_device_has_a_name_that_it_is_found_by():
    assert {device(name, "") for name in short_names()} == set(DEVICES.values())


def test_the_ratio_of_work_to_bytes_is_that_of_an_accelerator():
    """A slip of a thousand in a row would show: all lie between 60 and 600 operations for a byte."""
    assert all(60 < found.peak / found.bandwidth < 600 for found in DEVICES.values())
    assert all(8e9 <= found.memory <= 192e9 for found in DEVICES.values())
