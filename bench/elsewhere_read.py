"""What XLA made of a program, read from its text: the kernels of a step, and at most how many bytes they move."""

import re
from dataclasses import dataclass, field

KERNELS = {"fusion", "custom-call", "copy", "dot", "reduce", "convolution", "transpose", "sort", "conditional",
           "reduce-window", "select-and-scatter", "scatter", "gather", "all-reduce", "all-gather",
           "reduce-scatter"}  # fmt: skip
WIDTH = {"f32": 4, "s32": 4, "u32": 4, "bf16": 2, "f16": 2, "pred": 1, "s8": 1, "u8": 1, "f64": 8, "s64": 8, "u64": 8}


@dataclass
class Computation:
    """A part of a program that holds kernels: rows (kind, name, shape, bytes), and loops (body, turns or None)."""

    name: str
    rows: list = field(default_factory=list)
    loops: list = field(default_factory=list)


def size(shape):
    """Bytes of an HLO shape, tuples summed, without the scratch array of a product (``s8``) and its like."""
    total = 0
    for dtype, dims in re.findall(r"(\w+)\[([\d,]*)\]", re.sub(r"s8\[\d+\]", "s8[0]", shape)):
        count = 1
        for d in filter(None, dims.split(",")):
            count *= int(d)
        total += count * WIDTH.get(dtype, 4)
    return total


def computations(text):
    """The computations of a compiled program by name, without the insides of its kernels.

    Bytes are those of all operands and results, an upper bound: a kernel that reads a slice counts the whole.
    """
    found = {}
    for block in re.split(r"\n(?=%|ENTRY )", text):
        head = block.split("(", 1)[0].replace("ENTRY", "").strip().lstrip("%")
        if head.startswith(("fused", "wrapped", "HloModule")):
            continue
        found[head] = own = Computation(head)
        shapes = {}
        for line in block.splitlines()[1:]:
            m = re.match(r"\s*(?:ROOT )?%?([\w.\-]+) = (\(.*?\)|\S+) ([\w\-]+)\((.*)", line)
            if not m:
                continue
            name, shape, op, rest = m.groups()
            shapes[name] = shape
            if op == "while":
                body, turns = re.search(r"body=%?([\w.\-]+)", rest), re.search(r'known_trip_count":\{"n":"(\d+)"', rest)
                own.loops.append((body.group(1), int(turns.group(1)) if turns else None))
            elif op.removesuffix("-start") in KERNELS:
                operands = re.findall(r"%([\w.\-]+)", rest.split("), ")[0])
                own.rows.append((op, name, shape, size(shape) + sum(size(shapes.get(o, "")) for o in operands)))
    return found


def whole(found, name):
    """Kernels and bytes of a computation, loops in it counted as often as they turn (once where nobody knows)."""
    kernels, moved = len(found[name].rows), sum(row[3] for row in found[name].rows)
    for body, turns in found[name].loops:
        inner, bytes_ = whole(found, body)
        kernels, moved = kernels + inner * (turns or 1), moved + bytes_ * (turns or 1)
    return kernels, moved


def loop_of(found, turns):
    """The name of the loop body that is done so many times, the outermost of several; None where there is none."""
    bodies = {body: own.name for own in found.values() for body, n in own.loops if n == turns}
    return next((body for body, inside in bodies.items() if inside not in bodies), None)


def memory(compiled):
    """MiB of arguments, results and temporaries of one device."""
    m = compiled.memory_analysis()
    return tuple(getattr(m, f"{n}_size_in_bytes") / 2**20 for n in ("argument", "output", "temp"))


def describe(text, top):
    """Print each part with more than three kernels, the heaviest first."""
    for name, own in computations(text).items():
        if len(own.rows) > 3:
            print(f"{name[:50]}: {len(own.rows)} kernels, at most {sum(r[3] for r in own.rows) / 1e9:.2f} GB moved")
            for op, kernel, shape, count in sorted(own.rows, key=lambda r: -r[3])[:top]:
                print(f"    {count / 1e6:9.1f} MB  {op[:12]:12} {kernel[:34]:34} {shape[:60]}")
