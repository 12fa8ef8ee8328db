"""What a compiled program moves between chips: collectives by kind, with loops' turns counted."""

import math
import re
from collections import Counter

WIDTH = {"f32": 4, "s32": 4, "u32": 4, "bf16": 2, "f16": 2, "u16": 2, "pred": 1, "s8": 1, "u8": 1, "f64": 8, "s64": 8}
KINDS = ("all-gather", "reduce-scatter", "all-reduce", "all-to-all", "collective-permute")
RING = "windowed_dot_general_body_"
"""A product that is computed in parts while shares travel in a ring: a reduce-scatter or an all-gather beside it."""


def _sizes(shape: str) -> list[int]:
    found = re.findall(r"(\w+)\[([\d,]*)\]", shape)
    return [math.prod(int(n) for n in dims.split(",") if n) * WIDTH.get(dtype, 4) for dtype, dims in found]


def _computations(text: str) -> dict[str, list[str]]:
    """The lines of each computation by its name; the entry's is ``"ENTRY"``."""
    found = {}
    for block in re.split(r"\n(?=%|ENTRY )", text):
        head, *lines = block.splitlines()
        found["ENTRY" if head.startswith("ENTRY") else head.split(" ", 1)[0].lstrip("%")] = lines
    return found


def _defined(lines: list[str]) -> dict[str, tuple[str, str]]:
    """The operation and its operands, as text, of each name of a computation."""
    rows = (re.match(r"\s*(?:ROOT )?%([\w.\-]+) = (?:\(.*?\)|\S+) ([\w\-]+)\((.*)", line) for line in lines)
    return {m[1]: (m[2], m[3]) for m in rows if m}


def _names(text: str) -> list[str]:
    return re.findall(r"%([\w.\-]+)", text.split("), ")[0])


def _loop(condition: list[str], body: list[str]) -> int:
    """How often a loop turns that counts from 0 to a constant; 1 where that is not known."""
    test, inside = _defined(condition), _defined(body)
    compared = next((_names(rest) for op, rest in test.values() if op == "compare"), [])
    limit = next((int(m[1]) for n in compared if n in test and (m := re.match(r"(-?\d+)\)", test[n][1]))), 0)
    place = next((int(m[1]) for n in compared if n in test and (m := re.search(r"index=(\d+)", test[n][1]))), None)
    root = next((line for line in body if line.lstrip().startswith("ROOT")), "")
    carried = _names(root.split(" tuple(")[-1])
    step = 1
    if place is not None and place < len(carried) and inside.get(carried[place], ("", ""))[0] == "add":
        added = [inside[n][1] for n in _names(inside[carried[place]][1]) if inside.get(n, ("", ""))[0] == "constant"]
        step = next((int(m[1]) for text in added if (m := re.match(r"(\d+)\)", text))), 1)
    return max(1, -(-limit // step))


def _turns(text_of: dict[str, list[str]]) -> Counter:
    """How often each computation runs; a loop whose turns are not known counts as one."""
    turns, order = Counter({"ENTRY": 1}), ["ENTRY"]
    for name in order:  # each has one caller, which stands before it
        for line in text_of.get(name, []):
            called = dict(re.findall(r"(condition|body|calls|to_apply)=%?([\w.\-]+)", line))
            callee = called.get("body") or called.get("calls") or called.get("to_apply")
            if callee not in text_of or callee in turns:
                continue
            count = _loop(text_of[called["condition"]], text_of[callee]) if "body" in called else 1
            turns[callee] = turns[name] * count
            order.append(callee)
    return turns


def collectives(text: str) -> Counter:
    """Bytes by kind that pass a chip in one run of a compiled program, summed over loops.

    Those of an all-gather are the bytes of its result, of a reduce-scatter those of its operand, of an all-reduce those
    of what is summed. A ring beside a product counts as what it does, and an all-reduce of which each chip keeps a
    share as the reduce-scatter that it is.
    """
    text_of, found = _computations(text), Counter()
    turns = _turns(text_of)
    rings = {kind: {_shape(line) for name, lines in text_of.items() if RING + kind in name for line in lines
                    if " collective-permute" in line} for kind in ("ag", "rs")}  # fmt: skip
    for name, lines in text_of.items():
        for line in lines:
            m = re.match(r"\s*(?:ROOT )?%?[\w.\-]+ = (\(.*?\)|\S+) ([\w\-]+)\(", line)
            kind = m and m[2].removesuffix("-start")
            if not m or kind not in KINDS:
                continue
            sizes = _sizes(m[1])
            count = max(sizes) if m[2].endswith("-start") or kind == "collective-permute" else sum(sizes)
            if kind == "reduce-scatter":
                count *= _chips(line)
            if kind == "all-reduce" and "all-reduce-scatter" in name:
                kind = "reduce-scatter"
            if kind == "collective-permute" and _shape(line) in rings["rs"] | rings["ag"]:
                kind = "reduce-scatter" if _shape(line) in rings["rs"] else "all-gather"
            found[kind] += count * turns[name]
    return found


def _shape(line: str) -> str:
    m = re.search(r"(\w+\[[\d,]+\])", line)
    return m[1] if m else ""


def _chips(line: str) -> int:
    """In how many parts a reduce-scatter leaves its operand."""
    m = re.search(r"replica_groups=\{\{([\d,]+)\}|replica_groups=\[\d+,(\d+)\]", line)
    return 1 if not m else len(m[1].split(",")) if m[1] else int(m[2])
