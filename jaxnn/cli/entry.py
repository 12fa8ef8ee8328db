"""The door of the command line: words in, exit status out."""

import contextlib
import os
import sys
from typing import Any

import jax

from jaxnn.cli.arguments import parse
from jaxnn.cli.axes import Bad
from jaxnn.settings import configure


def main(argv: list[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the words after the program's name; None takes those of the process.

    Returns:
        The exit status: 0, 2 after one sentence about bad input, or 130 after an interruption.

    Example:
        >>> main(["grid", "digits", "--lr", "abc"])
        2
    """
    try:
        words = parse(argv)
        _prepare_machine()
        if getattr(words, "distributed", False):
            _join(words)
        _run(words)
        return 0
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (Bad, ValueError, ImportError, OSError) as error:
        print(f"jaxnn: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("jaxnn: interrupted; nothing was written", file=sys.stderr)
        return 130


def _run(words: Any) -> None:
    if words.command == "predict":
        from jaxnn.cli.predict import predict

        return predict(words)
    if words.command == "serve":
        from jaxnn.cli.serve import serve

        return serve(words)
    if words.command == "export":
        from jaxnn.cli.export import export

        return export(words)
    from jaxnn.cli.train import train_grid, train_one

    return train_grid(words) if words.command == "grid" else train_one(words)


def _join(words: Any) -> None:
    """Be one of the processes of `jax.distributed`; only the first one speaks and writes."""
    try:
        jax.distributed.initialize()
    except (ValueError, RuntimeError) as error:
        raise Bad(f"--distributed finds no cluster ({error}); start it by srun or mpirun, or leave it out") from None
    words.quiet |= jax.process_index() > 0


def _prepare_machine() -> None:
    """A device for each core and a cache of programs, where that is possible."""
    with contextlib.suppress(RuntimeError):  # JAX had started before
        configure(cpu_devices="auto")
    with contextlib.suppress(OSError):  # no folder to write to
        configure(compilation_cache=True)
