"""The examples of the README run, in a process of its own as a user would run it, with fewer epochs and points."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text()


def test_the_examples_run(tmp_path):
    code = "\n".join(re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL))
    short = code.replace("epochs=50", "epochs=1").replace("1e-1, 16)", "1e-1, 2)").replace("range(4)", "range(2)")
    short = short.replace("epochs=10", "epochs=1").replace("advance(5)", "advance(1)")
    short = short.replace("compilation_cache=True", f"compilation_cache={str(tmp_path / 'cache')!r}")
    checks = "\nassert len(runs) == 48 and runs.n_compiles == 4 and len(runs.to_pandas()) == 48, runs"
    checks += "\nassert more.epochs == run.epochs + 1 and len(pop) == 1, (more, pop)"
    subprocess.run([sys.executable, "-W", "error", "-c", short + checks], check=True, cwd=tmp_path, timeout=300)


def test_the_two_commands_set_up_all_they_need():
    commands = re.findall(r"```sh\n(.*?)\n```", TEXT, re.DOTALL)
    assert len(commands) == 2
    assert all(c.startswith("python3 -m venv .venv && .venv/bin/pip install") and "\n" not in c for c in commands)
    assert "jaxnn grid digits" in commands[0]
    assert "pytest" in commands[1]
