"""A server of this process, by uvicorn."""

import socket
from typing import Any

import uvicorn

from jaxnn.serve.app import app


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens there.

    Args:
        host: an address of this machine; ``"127.0.0.1"`` hears this machine alone.
        port: 0 for any that is free.

    Raises:
        ValueError: for an address that is not to be had.

    Example:
        >>> with bound("127.0.0.1", 0) as own:
        ...     own.getsockname()[1] > 0
        True
    """
    if not 0 <= port < 2**16:
        raise ValueError(f"a port is a number from 0 to 65535, got {port}; write port=8000")
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise ValueError(
            f"{host}:{port} cannot be had ({error.strerror or error}); write port=0 for one that is free"
        ) from None


def server(model: Any, **options: Any) -> uvicorn.Server:
    """A server that is not running yet, for threads and tests; see `run`."""
    settings: Any = dict(log_level="warning", timeout_keep_alive=5, limit_concurrency=4096, lifespan="off")
    return uvicorn.Server(uvicorn.Config(app(model, **options), **settings))


def run(model: Any, host: str = "127.0.0.1", port: int = 8000, **options: Any) -> None:
    """Serve a model until Ctrl-C; see `app`.

    Args:
        model: a `Run`, a `Model` or an `Ensemble`.
        host: an address of this machine; ``"127.0.0.1"`` hears this machine alone, ``"0.0.0.0"`` everybody.
        port: 0 for any that is free.
        **options: of `app`.

    Raises:
        ValueError: for an address that is not to be had.
    """
    own = bound(host, port)
    place = own.getsockname()
    shown = f"[{place[0]}]" if ":" in place[0] else place[0]
    print(f"serving on http://{shown}:{place[1]} (POST /predict, GET / for what it takes); Ctrl-C ends it", flush=True)
    with own:
        server(model, **options).run(sockets=[own])
