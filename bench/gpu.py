"""What a GPU makes of the package: populations against its bandwidth, GPT-2 against its peak, attention, compile times.

``python bench/gpu.py`` prints the tables and writes ``bench/results/gpu.json``, within eight minutes on an H200. Each
table is made in a process of its own, so that one that fails, hangs or takes all memory costs none of the others; peers
that are not there are said to be so. ``--tiny`` goes through all of it on a CPU, with sizes that tell nothing.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from common import machine, save

TABLES = {  # name -> (what it is, seconds that it may take)
    "member": ("a member on this device beside the same on the CPU", 60),
    "digits": ("digits MLP, 64-100-100-10, batch 32, dropout, L2, Adam, by members", 150),
    "peers": ("the same networks by PyTorch: a loop, and vmapped by torch.func", 70),
    "gpt2": ("GPT-2, 124 million parameters in bfloat16, 1,024 tokens a row", 130),
    "attention": ("attention forward and backward in bfloat16, causal, 12 heads of 64", 60),
    "compile": ("seconds until a first training runs", 90),
}
BUDGET = 460


def main() -> int:
    """Make the tables that were asked for; the exit status tells whether one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", default=list(TABLES), metavar="TABLE", help=f"of {', '.join(TABLES)}")
    parser.add_argument("--tiny", action="store_true", help="sizes for a look on a CPU")
    parser.add_argument("--budget", type=float, default=BUDGET, help="seconds for all of it")
    parser.add_argument("--out", type=Path, help="a file in the place of bench/results/gpu.json")
    parser.add_argument("--table", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.table:
        print(json.dumps(make(chosen.table, chosen.tiny)))
        return 0
    ends, results = time.monotonic() + chosen.budget, {}
    for name in chosen.only:
        results[name] = measured(name, chosen.tiny, ends - time.monotonic())
        show(name, results[name])
        keep(results, chosen.out, chosen.tiny)
    return int(any("error" in found for found in results.values()))


def make(name: str, tiny: bool) -> dict:
    """One table, in this process."""
    if name not in TABLES:
        raise SystemExit(f"there is no table {name!r}; write --only {' '.join(TABLES)}")
    if name == "peers":  # without JAX, which would take most of the memory
        from gpu_peers import peers

        return peers(tiny)
    import gpu_models
    import gpu_population
    import jax

    tables = {**vars(gpu_models), **vars(gpu_population)}
    return {"device": jax.devices()[0].device_kind, **tables[name](tiny)}


def measured(name: str, tiny: bool, left: float) -> dict:
    """One table, out of a process of its own; what went wrong where it has none."""
    limit = min(TABLES.get(name, ("", left))[1] * (3 if tiny else 1), left)
    if limit < 5:
        return {"error": "no time was left; write a larger --budget"}
    words = [sys.executable, __file__, "--table", name, *(["--tiny"] if tiny else [])]
    began = time.monotonic()
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=limit, env=environment())
    except subprocess.TimeoutExpired:
        return {"error": f"not done after {limit:.0f} s"}
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        said = done.stderr.strip().splitlines() or ["nothing was said"]
        return {"error": f"ended with {done.returncode}: {said[-1][:300]}"}
    return {**json.loads(lines[-1]), "seconds": round(time.monotonic() - began, 1)}


def environment() -> dict[str, str]:
    """Of a table's process: this copy of the package, XLA quiet, and memory taken as it is needed."""
    path = os.pathsep.join(filter(None, [str(Path(__file__).resolve().parent.parent), os.environ.get("PYTHONPATH")]))
    own = {"TF_CPP_MIN_LOG_LEVEL": "3", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    return own | os.environ | {"PYTHONPATH": path}


def show(name: str, found: dict) -> None:
    """Print a table in Markdown."""
    print(f"**{name}: {TABLES.get(name, ('unknown', 0))[0]}**" + (f" ({found['device']})" if "device" in found else ""))
    for word in ("error", "note"):
        if word in found:
            print(f"\n{word}: {found[word]}")
    rows = found.get("rows", [])
    columns = list(dict.fromkeys(column for row in rows for column in row))
    if columns:
        print("\n| " + " | ".join(columns) + " |\n" + "|---" * len(columns) + "|")
    for row in rows:
        print("| " + " | ".join(text(row.get(column)) for column in columns) + " |")
    print(flush=True)


def text(value: object) -> str:
    """A cell."""
    if value is None:
        return "-"
    return f"{value:.3g}" if isinstance(value, float) and abs(value) < 1000 else f"{value:,.0f}" if isinstance(
        value, (int, float)
    ) else str(value)  # fmt: skip


def keep(results: dict, out: Path | None, tiny: bool) -> None:
    """Write what there is so far; a look with tiny sizes leaves the results of a machine alone."""
    if out is not None:
        out.write_text(json.dumps({"machine": machine(), "tiny": tiny, **results}, indent=1) + "\n")
    elif not tiny:
        save("gpu", results)


if __name__ == "__main__":
    sys.exit(main())
