"""What training a large GPT takes: parameters, operations, memory of each device, days."""

import dataclasses
import html
from typing import Any

from jaxnn.core import checks
from jaxnn.core.devices import device
from jaxnn.inspect.memory import ROOM, Memory, Split, least_split, memory
from jaxnn.inspect.sizes import Sizes, sizes

DAY = 24 * 60 * 60
RECOMPUTE = (None, "selective", "full")


@dataclasses.dataclass(frozen=True)
class Scale:
    """What `scale` tells; it prints as a table.

    Args:
        sizes: of the model: ``layers``, ``width``, ``parameters`` and so on.
        batch: sequences of a step.
        split: ``tensor``, ``pipeline`` and ``data``, how many of each; ``devices``, their product.
        recompute: what the backward pass computes again.
        memory: bytes of a device: ``weights``, ``gradients``, ``moments``, ``activations``, ``total``.
        limit: bytes that a device has.
        peak: operations per second of a device, at most.
        on: its name.
        assumed: the assumed utilisation, recomputation counted.
        tokens: of the whole training, or None.

    Example:
        >>> import jaxnn as nn
        >>> found = nn.scale(nn.gpt(51200, 2048, 2304, 24, 24), batch=512, devices=32)
        >>> found.split.tensor, found.split.pipeline, found.split.data, found.fits
        (1, 1, 32, True)
    """

    sizes: Sizes
    batch: int
    split: Split
    recompute: str | None
    memory: Memory
    limit: float
    peak: float
    on: str
    assumed: float
    tokens: float | None

    @property
    def parameters(self) -> int:
        """Of the model."""
        return self.sizes.parameters

    @property
    def flops(self) -> int:
        """Operations of a step, without recomputation: what the model asks for."""
        return self.batch * self.sizes.flops()

    @property
    def hardware_flops(self) -> int:
        """Operations of a step, with recomputation: what the devices do."""
        return self.batch * self.sizes.flops(self.recompute)

    @property
    def fits(self) -> bool:
        """Whether a device has the memory, a tenth of it left for buffers, scratch and fragments."""
        return self.memory.total <= ROOM * self.limit

    @property
    def seconds(self) -> float:
        """Of a step, with the assumed utilisation."""
        return self.hardware_flops / (self.split.devices * self.peak * self.assumed)

    @property
    def steps(self) -> float | None:
        """Of the whole training."""
        return None if self.tokens is None else self.tokens / (self.batch * self.sizes.context)

    @property
    def days(self) -> float | None:
        """Of the whole training, with the assumed utilisation."""
        return None if self.steps is None else self.steps * self.seconds / DAY

    @property
    def exaflop_days(self) -> float | None:
        """Operations of the whole training, without recomputation, in days of 10^18 a second."""
        return None if self.steps is None else self.steps * self.flops / (1e18 * DAY)

    def mfu(self, seconds: float) -> float:
        """Model FLOPs utilisation of a step that took so many seconds: the share of the peak, without recomputation."""
        return self.flops / (seconds * self.split.devices * self.peak)

    def hfu(self, seconds: float) -> float:
        """Hardware FLOPs utilisation of a step that took so many seconds: recomputation counted."""
        return self.hardware_flops / (seconds * self.split.devices * self.peak)

    def __str__(self) -> str:
        """The table in text."""
        return "\n".join(f"{name:<21}{text}" for name, text in self._rows())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        """The table as a notebook shows it."""
        line = '<tr><td style="text-align:left">{}</td><td style="text-align:left">{}</td></tr>'
        return f"<table>{''.join(line.format(*map(html.escape, row)) for row in self._rows())}</table>"

    def _rows(self) -> list[tuple[str, str]]:
        s, m = self.split, self.memory
        parts = ", ".join(f"{name} {value / 1e9:,.1f}" for name, value in m._asdict().items())
        again = f", {_short(self.hardware_flops)} with recomputation" if self.recompute else ""
        shares = f"HFU {100 * self.assumed:.3g}, MFU {100 * self.mfu(self.seconds):.3g} percent"
        rows = [
            ("parameters", f"{self.parameters:,}"),
            ("operations of a step", f"{_short(self.flops)}{again}"),
            ("devices", f"{s.devices:,} {self.on}: tensor {s.tensor} x pipeline {s.pipeline} x data {s.data}"),
            ("GB of a device", f"{m.total / 1e9:,.1f} of {self.limit / 1e9:,.0f}: {parts}"),
            ("a step", f"{self.seconds:,.3g} s at {shares}"),
        ]
        if self.tokens is not None:
            work = f"{self.days:,.3g} days, {self.exaflop_days:,.3g} exaflop-days"
            rows.append((f"{self.tokens / 1e9:,.4g} billion tokens", work))
        return rows if self.fits else [*rows, ("", "it does not fit")]


def _short(count: float) -> str:
    """Operations in a thousand's power that leaves few digits."""
    powers = {1e18: "exa", 1e15: "peta", 1e12: "tera", 1e9: "giga", 1.0: ""}
    power = next((p for p in powers if count >= p), 1.0)
    return f"{count / power:,.4g} {powers[power]}FLOP"


def scale(
    model: Any,
    batch: int,
    *,
    on: str = "A100",
    devices: int | None = None,
    tensor: int | None = None,
    pipeline: int | None = None,
    micro: int = 1,
    sequence: bool = False,
    zero: int = 0,
    recompute: str | None = "full",
    state_bytes: tuple[float, float, float] = (6, 6, 8),
    tokens: float | None = None,
    hfu: float = 0.45,
    node: int = 8,
    peak: float | None = None,
    memory_bytes: float | None = None,
) -> Scale:
    """Tell what training a GPT takes, from its spec alone: nothing is computed or allocated.

    Parameters and operations are counted in the model itself; for the usual block they are, with
    ``l`` layers, width ``h``, vocabulary ``V``, context ``s`` and batch ``B``, ``12 l h^2 (1 + 13 / (12 h) + (V + s) /
    (12 l h))`` and ``72 B s l h^2 (1 + s / (6 h) + V / (12 l h))``, or with recomputation ``96 B s l h^2 (1 + s / (6 h)
    + V / (16 l h))``. Memory is that of the published formulas (``jaxnn/inspect/memory.py``): for attention that
    keeps its weights, and for activations in 16 bits.

    Args:
        model: of `jaxnn.gpt`.
        batch: sequences of a step, over all devices.
        on: the device, such as ``"A100"``, ``"H200"`` or ``"v5e"``.
        devices: how many; None for as many as one copy of the model takes.
        tensor: devices that share each product; None, as for ``pipeline``, for the least split that fits: along the
            products within a node first, then in stages.
        pipeline: stages; see ``tensor``.
        micro: sequences that go through the pipeline at once.
        sequence: whether what lies between the products is split along the sequence.
        zero: 1 splits the moments over the data copies, 2 the gradients too, 3 the weights too (FSDP).
        recompute: what the backward pass computes again: None, ``"selective"`` (attention's core) or ``"full"``.
        state_bytes: bytes that a parameter takes as weight, gradient and moments: by default in 16 and in 32 bits, and
            Adam's two. Float32 alone is ``(4, 4, 8)``.
        tokens: of the whole training.
        hfu: the assumed share of the peak, recomputation counted; the large models of 2021 reached 0.43 to 0.52.
        node: devices with a fast link between them, at most so many for ``tensor``.
        peak: operations per second of one device, in the place of the table's.
        memory_bytes: of one device, in the place of the table's.

    Returns:
        A `Scale`, which prints as a table.

    Raises:
        TypeError: if ``model`` is no GPT.
        ValueError: for an unknown device, numbers that do not divide, or a model that no split makes fit.

    Source: Narayanan et al., "Efficient large-scale language model training on GPU clusters using Megatron-LM", 2021;
        Korthikanti et al., "Reducing activation recomputation in large transformer models", 2022.

    Example:
        >>> import jaxnn as nn
        >>> gpt3 = nn.gpt(vocab=51200, context=2048, width=12288, heads=96, layers=96)
        >>> nn.scale(gpt3, batch=1536, devices=1024, tokens=300e9)
        parameters           174,615,846,912
        operations of a step 3.386 exaFLOP, 4.511 exaFLOP with recomputation
        devices              1,024 A100: tensor 8 x pipeline 8 x data 16
        GB of a device       61.6 of 80: weights 16.8, gradients 16.8, moments 22.4, activations 5.6
        a step               31.4 s at HFU 45, MFU 33.8 percent
        300 billion tokens   34.6 days, 3.74 exaflop-days
    """
    _checked(batch, micro, zero, recompute, hfu, tokens, devices, node)
    for name, value in {"peak": peak, "memory_bytes": memory_bytes, "tokens": tokens}.items():
        if value is not None and not (isinstance(value, (int, float)) and value > 0):
            raise ValueError(f"{name} is a number above 0, got {value!r}; write nn.scale(model, batch, peak=312e12)")
    if peak is None or memory_bytes is None:
        known = device(on, "nn.scale(model, batch, peak=312e12, memory_bytes=80e9)")
        peak, memory_bytes = peak or known.peak, memory_bytes or known.memory
    if not (isinstance(state_bytes, tuple) and len(state_bytes) == 3):
        raise ValueError(
            f"state_bytes are three numbers, of a weight, its gradient and its moments, got {state_bytes!r}; "
            "write state_bytes=(4, 4, 8)"
        )
    found, given = sizes(model), Split(micro=micro, sequence=sequence, zero=zero)
    if tensor is None and pipeline is None:
        room = ROOM * memory_bytes
        split = least_split(found, batch, devices, room, recompute, state_bytes, given, node)
        if split is None:
            raise ValueError(
                f"no split of {found.parameters:,} parameters over {devices or 'any number of'} {on} fits batches of "
                f"{batch} in {room / 1e9:g} GB each; write another devices= or batch=, a smaller micro=, zero=1, or "
                "tensor= and pipeline= to see what one takes"
            )
    else:
        split = _split(found, batch, devices, tensor or 1, pipeline or 1, given)
    used = memory(found, split, batch, recompute, state_bytes)
    return Scale(found, batch, split, recompute, used, memory_bytes, peak, on, hfu, tokens)


def _split(found: Sizes, batch: int, devices: int | None, tensor: int, pipeline: int, given: Split) -> Split:
    """The split that was asked for."""
    data = max(1, (devices or tensor * pipeline) // (tensor * pipeline))
    split = dataclasses.replace(given, tensor=tensor, pipeline=pipeline, data=data)
    pairs = {
        f"{found.heads} heads over tensor={tensor}": found.heads % tensor,
        f"{found.layers} layers over pipeline={pipeline}": found.layers % pipeline,
        f"{devices} devices over tensor x pipeline = {tensor * pipeline}": (devices or split.devices) - split.devices,
        f"a batch of {batch} over data x micro = {data * split.micro}": batch % (data * split.micro),
    }
    for pair, left in pairs.items():
        if left:
            call = "nn.scale(model, batch=512, devices=64, tensor=8, pipeline=2)"
            raise ValueError(f"{pair} leave a rest; write numbers that divide, such as {call}")
    return split


def _checked(
    batch: int, micro: int, zero: int, recompute: str | None, hfu: float, tokens: float | None,
    devices: int | None, node: int,
) -> None:  # fmt: skip
    call = "nn.scale(model, batch=512, devices=64)"
    for name, value in dict(batch=batch, micro=micro, node=node, devices=1 if devices is None else devices).items():
        checks.size(name, value, call)
    if recompute not in RECOMPUTE:
        raise ValueError(f'recompute is None, "selective" or "full", got {recompute!r}; write {call}')
    if zero not in (0, 1, 2, 3):
        raise ValueError(f"zero is 0, 1, 2 or 3, got {zero!r}; write nn.scale(model, batch=512, zero=1)")
    if not 0 < hfu <= 1:
        raise ValueError(f"hfu is a share in (0, 1], got {hfu!r}; write nn.scale(model, batch=512, hfu=0.45)")
    if tokens is not None and not tokens > 0:
        raise ValueError(f"tokens is a number above 0, got {tokens!r}; write nn.scale(model, batch=512, tokens=300e9)")
