"""Populations of digits networks on one device: their speed beside its bandwidth, and a member beside the CPU's."""

import time
from itertools import pairwise

import jax
import numpy as np
import optax

import jaxnn as nn
from jaxnn.core.devices import device

HIDDEN, BATCH = (100, 100), 32


def trial(lr: float, l2: float = 1e-4, dropout: float = 0.2) -> nn.Trial:
    """The network of the tables."""
    model = nn.mlp(HIDDEN, out=10, dropout=dropout)
    return nn.Trial(model, "softmax_cross_entropy", optax.chain(nn.l2(l2), optax.adam(lr)))


def data(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the digits' shape; what they show is nothing to the clock."""
    draw = np.random.default_rng(0)
    y = draw.integers(0, 10, rows)
    return (draw.normal(size=(rows, 64)) + y[:, None] / 4).astype(np.float32), y


def limits() -> object:
    """What the device can do at most, or None where that is not known."""
    try:
        return device(jax.devices()[0].device_kind, "")
    except ValueError:
        return None


def least_bytes(members: int) -> int:
    """Of a step: weights, their gradients and two moments of Adam, once read and once written, in float32."""
    weights = sum((a + 1) * b for a, b in pairwise((64, *HIDDEN, 10)))
    return 8 * 4 * weights * members


def digits(tiny: bool) -> dict:
    """Members side by side: seconds of a step beside the least that the memory's bandwidth allows."""
    known, rows = limits(), []
    table = data(96 if tiny else 1437)
    for members in (1, 3) if tiny else (1, 100, 1024, 8192):
        try:
            rows.append(_digits(members, table, known, 0.05 if tiny else 3.0))
        except Exception as error:  # such as a device without the memory for so many
            rows.append({"members": members, "failed": str(error).splitlines()[0][:120]})
    return {"rows": rows} if known else {"rows": rows, "note": "the bandwidth of this device is not known"}


def _digits(members: int, table: tuple, known: object, seconds: float) -> dict:
    rates = nn.logspace(1e-4, 1e-2, members) if members > 1 else [1e-3]
    pop = nn.population(trial, table, dict(lr=rates), batch_size=BATCH, plan=nn.Plan(devices=1, width=members))
    pop.advance(1)
    compiled = pop.timing["compile"]
    began = time.perf_counter()
    pop.advance(1)
    epochs = max(1, min(200, int(seconds / (time.perf_counter() - began))))
    ran = pop.timing["run"]
    pop.advance(epochs)
    step = (pop.timing["run"] - ran) / (epochs * -(-len(table[1]) // BATCH))
    least = None if known is None else least_bytes(members) / known.bandwidth
    return {
        "members": members,
        "microseconds of a step": 1e6 * step,
        "least by bandwidth": None if least is None else 1e6 * least,
        "share of the least": None if least is None else least / step,
        "networks of 50 epochs a minute": 60 * members / (50 * step * -(-1437 // BATCH)),
        "compiling, s": compiled,
    }


def member(tiny: bool) -> dict:
    """Losses of the first epochs of one member of a grid here, and of its solo run on the CPU.

    Products in float32 agree within what the plan states; the device's own default, which may be TensorFloat-32 or
    bfloat16, within one percent.
    """
    x, y = data(96 if tiny else 1437)
    rates = [3e-4, 1e-3, 3e-3]
    options = dict(epochs=3, batch_size=BATCH, validation=0.25, progress=False)
    here, there = jax.devices()[0], jax.devices("cpu")[0]
    rows = []
    for precision, tolerance in (("highest", 1e-4), ("default", 1e-2)):
        with jax.default_matmul_precision(precision):
            runs = nn.grid(
                trial,
                jax.device_put((x, y), here),
                dict(lr=rates),
                plan=nn.Plan(devices=1, width=3, on=(here,)),
                **options,
            )
            with jax.default_device(there):
                solo = nn.fit(trial, jax.device_put((x, y), there), dict(lr=rates[1]), **options)
        pairs = [(runs.history[name][1], solo.history[name]) for name in ("loss", "val_loss")]
        off = max(float(np.max(np.abs(np.asarray(a) / np.asarray(b) - 1))) for a, b in pairs)
        rows.append({"products": precision, "off by": off, "tolerance": tolerance, "within": str(off <= tolerance)})
    wrong = [row["products"] for row in rows if row["within"] != "True"]
    return {"rows": rows, **({"error": f"not within the tolerance: {', '.join(wrong)}"} if wrong else {})}
