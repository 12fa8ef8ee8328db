"""What accelerators can do at most, by the names that JAX and people call them."""

from typing import NamedTuple


class Device(NamedTuple):
    """The limits of one device, as its maker's data sheet has them.

    Args:
        peak: floating-point operations per second of dense products in bfloat16, or float16 where there is none; what
            published utilisations are shares of.
        memory: bytes.
        bandwidth: bytes per second between memory and processor.
    """

    peak: float
    memory: float
    bandwidth: float


V100_16, V100_32 = Device(125e12, 16e9, 900e9), Device(125e12, 32e9, 900e9)
A100_40, A100_80 = Device(312e12, 40e9, 1555e9), Device(312e12, 80e9, 2039e9)
H100 = Device(989.4e12, 80e9, 3350e9)

DEVICES = {  # without the words of MAKERS, as `jax.Device.device_kind` has them, or shorter as people say
    "t4": Device(65e12, 16e9, 320e9),
    "v100": V100_16,
    "v100-sxm2-16gb": V100_16,
    "v100-sxm2-32gb": V100_32,
    "a10": Device(125e12, 24e9, 600e9),
    "a100": A100_80,
    "a100-sxm4-40gb": A100_40,
    "a100-sxm4-80gb": A100_80,
    "a100-pcie-40gb": A100_40,
    "a100 80gb pcie": Device(312e12, 80e9, 1935e9),
    "l4": Device(121e12, 24e9, 300e9),
    "l40s": Device(362e12, 48e9, 864e9),
    "rtx 3090": Device(71e12, 24e9, 936e9),
    "rtx 4090": Device(165.2e12, 24e9, 1008e9),
    "h100": H100,
    "h100 80gb hbm3": H100,
    "h100 pcie": Device(756e12, 80e9, 2000e9),
    "h100 nvl": Device(835e12, 94e9, 3900e9),
    "h200": Device(989.4e12, 141e9, 4800e9),
    "b200": Device(2250e12, 180e9, 7700e9),
    "gb200": Device(2500e12, 186e9, 8000e9),
    "tpu v2": Device(22.5e12, 8e9, 350e9),  # a core, half a chip: what JAX calls a device of these two
    "tpu v3": Device(61.5e12, 16e9, 450e9),
    "tpu v4": Device(275e12, 32e9, 1228e9),
    "tpu v5e": Device(197e12, 16e9, 819e9),
    "tpu v5 lite": Device(197e12, 16e9, 819e9),
    "tpu v5p": Device(459e12, 95e9, 2765e9),
    "tpu v5": Device(459e12, 95e9, 2765e9),
    "tpu v6e": Device(918e12, 32e9, 1640e9),
    "tpu v6 lite": Device(918e12, 32e9, 1640e9),
}
MAKERS = ("nvidia ", "tesla ", "geforce ")


def device(name: str, write: str) -> Device:
    """The limits of a device.

    A name is known as a whole or not at all: an "H20" is no "H200", and a slice of a card is not the card.

    Args:
        name: such as ``"A100"``, ``"TPU v5e"`` or ``"v5e"``, or what ``jax.devices()[0].device_kind`` says.
        write: what to write in the place of a name that is not known.

    Returns:
        A `Device`.

    Raises:
        ValueError: for an unknown one.

    Example:
        >>> device("NVIDIA H200", "").peak / 1e12, device("v5e", "").memory / 1e9
        (989.4, 16.0)
    """
    word = name.lower()
    for maker in MAKERS:
        word = word.removeprefix(maker)
    found = DEVICES.get(word) or DEVICES.get(f"tpu {word}")
    if found is None:
        raise ValueError(f"what {name!r} can do is not known (known are {', '.join(short_names())}); write {write}")
    return found


def short_names() -> list[str]:
    """Each device once, by a short name."""
    names: dict[Device, str] = {}
    for name, limits in DEVICES.items():
        names.setdefault(limits, name.upper() if "tpu" not in name else name.replace("tpu", "TPU"))
    return list(names.values())
