"""The answers of a model over HTTP, as an ASGI application."""

import asyncio
import json
import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from jaxnn.core.records import OF_CHANCES
from jaxnn.core.version import __version__
from jaxnn.serve.reading import Refused, Rows
from jaxnn.serve.together import Together

LARGEST = 16 << 20
"""Bytes of a request."""
SECONDS = 30.0
"""For a request to arrive as a whole."""


def app(model: Any, *, most: int = 4096, waiting: int = 1024, largest: int = LARGEST, seconds: float = SECONDS) -> Any:
    """The application that answers for a model; ``uvicorn.run(app(run))`` serves it, or any server of ASGI.

    ``POST /predict`` takes ``{"instances": [row, ...]}`` and gives ``{"predictions": [...]}``, and ``probabilities``
    where the model has them, with ``classes`` in their order; rows are as in training: lists of numbers, objects with
    the columns of a table, an object or a list of arrays where there are several inputs. ``GET /`` describes the model
    and shows a request; ``GET /health`` says that it is there. What cannot be answered gets ``{"error": sentence}``
    with status 400, 413 if it is too large, 408 if it does not arrive, 503 if too many wait.

    Args:
        model: a `Run`, a `Model` or an `Ensemble`, such as `jaxnn.load` gives.
        most: rows of one request, and of one call of the model.
        waiting: requests that may wait.
        largest: bytes of one request.
        seconds: for a request to arrive.

    Source: the REST API of TensorFlow Serving, and version 1 of KServe's protocol, for the names of the keys.

    Example:
        >>> import jaxnn as nn
        >>> model = nn.Model(nn.Dense(1), {"kernel": np.ones((2, 1)), "bias": np.zeros(1)}, {}, "squared_error")
        >>> [route.path for route in app(model).routes]
        ['/', '/health', '/predict']
    """
    own = getattr(model, "runs", (model,))[0]
    own = getattr(own, "model", own)
    rows = Rows(None if own.prepare is not None else own.row, own.features, own.prepare is not None, most)
    chances = any(task in OF_CHANCES for task in jax.tree.leaves(own.task))
    together = Together(lambda asked: _answers(model, _table(asked), chances), most, waiting)
    classes = None if own.classes is None else _plain(own.classes)

    async def predict(request: Request) -> Response:
        found = await together(rows.read(await _body(request, largest, seconds)))
        named = {} if classes is None or not chances else {"classes": classes}
        return _json({**found, **named})

    async def describe(request: Request) -> Response:
        about = {"model": repr(own.spec), "jaxnn": __version__, "features": own.features, "classes": classes}
        known = {name: value for name, value in about.items() if value is not None}
        return _json({**known, "request": {"POST": "/predict", **rows.example}})

    async def health(request: Request) -> Response:
        return _json({"ok": True})

    routes = [
        Route("/", describe), Route("/health", health), Route("/predict", predict, methods=["POST"]),
    ]  # fmt: skip
    handlers: dict[Any, Callable] = {
        Refused: _refused,
        HTTPException: _unknown,
        ValueError: _unfit,
        OverflowError: _unfit,
        Exception: _failed,
    }
    return Starlette(routes=routes, exception_handlers=handlers)


def _answers(model: Any, x: Any, chances: bool) -> dict[str, Any]:
    found = {"predictions": model.predict(x)}
    return found | {"probabilities": model.predict_proba(x)} if chances else found


def _table(rows: Any) -> Any:
    if not isinstance(rows, list):
        return rows
    import pandas

    return pandas.DataFrame(rows)


async def _body(request: Request, largest: int, seconds: float) -> bytes:
    """What was sent.

    Raises:
        Refused: if it is too large, does not arrive or ends too early.
    """
    pieces, size = [], 0
    try:
        async with asyncio.timeout(seconds):
            async for piece in request.stream():
                size += len(piece)
                if size > largest:
                    raise Refused(f"a request has at most {largest} bytes; send fewer rows at once", 413)
                pieces.append(piece)
    except TimeoutError:
        raise Refused(f"the request did not arrive within {seconds:g} seconds; send it again", 408) from None
    except ClientDisconnect:
        raise Refused("the request ended too early; send it again") from None
    return b"".join(pieces)


def _json(content: Any, status: int = 200) -> Response:
    text = json.dumps(_plain(content), allow_nan=False)
    return Response(text, status, media_type="application/json")


def _plain(value: Any) -> Any:
    """As JSON has it; what is not finite is null."""
    if isinstance(value, dict):
        return {str(name): _plain(own) for name, own in value.items()}
    if isinstance(value, (np.ndarray, jax.Array, np.generic)):
        return _plain(np.asarray(value).tolist())
    if isinstance(value, (list, tuple)):
        return [_plain(own) for own in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


async def _refused(request: Request, error: Any) -> Response:
    return _json({"error": str(error)}, error.status)


async def _unknown(request: Request, error: Any) -> Response:
    return _json({"error": f"{error.detail}; send POST /predict, or GET / for what it takes"}, error.status_code)


async def _unfit(request: Request, error: Exception) -> Response:
    return _json({"error": str(error)[:500]}, 400)


async def _failed(request: Request, error: Exception) -> Response:
    return _json({"error": f"the model failed on these rows: {type(error).__name__}"}, 500)
