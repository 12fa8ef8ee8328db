"""Parameters of Flax's Linen modules as parameters of the same layers here, and back, without Flax itself."""

from collections import Counter
from typing import Any

import jax.numpy as jnp

from jaxnn.core.types import Params, State
from jaxnn.layers.attention import Attention
from jaxnn.layers.children import layer_names
from jaxnn.layers.combine import Sequential
from jaxnn.layers.conv import Conv
from jaxnn.layers.dense import Dense
from jaxnn.layers.embed import Embed
from jaxnn.layers.group_norm import GroupNorm
from jaxnn.layers.layer_norm import LayerNorm, RMSNorm
from jaxnn.layers.norm import BatchNorm
from jaxnn.layers.recurrent import GRU, LSTM, SimpleRNN

FLAX_NAMES: dict[type, str] = {
    Attention: "MultiHeadDotProductAttention",
    BatchNorm: "BatchNorm",
    Conv: "Conv",
    Dense: "Dense",
    Embed: "Embed",
    GroupNorm: "GroupNorm",
    GRU: "RNN",
    LayerNorm: "LayerNorm",
    LSTM: "RNN",
    RMSNorm: "RMSNorm",
    SimpleRNN: "RNN",
}
"""The layers that both have, and the name of the Flax module; a recurrent one is an ``RNN`` around Flax's cell."""

GATES = {LSTM: "ifgo", GRU: "rzn"}


def params_to_flax(layer: Any, params: Params, state: State | None = None, *, names: str = "compact") -> dict:
    """The variables of the Flax module that is this layer.

    Args:
        layer: a layer that Flax has too, or a `Sequential` of such layers and of others without parameters.
        params: its parameters.
        state: its state, where it has a `BatchNorm`.
        names: how Flax names the layers of a `Sequential`: ``"compact"`` as in a module whose ``__call__`` makes them
            in this order (``Dense_0``, ``BatchNorm_0``, counted per class), ``"layers"`` as in ``linen.Sequential``
            (``layers_0``, by place).

    Returns:
        ``{"params": ...}``, and ``"batch_stats"`` beside it where there are running statistics.

    Raises:
        ValueError: for a layer that Flax has not, or another way to name.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> model = nn.Sequential(nn.Dense(3), nn.Activation("relu"), nn.Dense(2))
        >>> params, _ = model.init(jax.random.key(0), jnp.ones((1, 4)))
        >>> sorted(params_to_flax(model, params)["params"])
        ['Dense_0', 'Dense_1']
    """
    given, stats = _to(layer, params, {} if state is None else state, names)
    return {"params": given} | ({"batch_stats": stats} if stats else {})


def params_from_flax(layer: Any, variables: Any, *, names: str = "compact") -> tuple[Params, State]:
    """Parameters and state of a layer, out of the variables of the Flax module that it is.

    Args:
        layer: a layer that Flax has too, or a `Sequential` of such layers and of others without parameters.
        variables: ``{"params": ..., "batch_stats": ...}`` as Flax's ``init`` returns them.
        names: how Flax names the layers of a `Sequential`, as in `params_to_flax`.

    Returns:
        ``(params, state)``.

    Raises:
        ValueError: for a layer that Flax has not, another way to name, or variables that are not there.

    Example:
        >>> import jaxnn as nn, numpy as np
        >>> variables = {"params": {"layers_0": {"kernel": np.ones((4, 3)), "bias": np.zeros(3)}}}
        >>> params, state = params_from_flax(nn.Sequential(nn.Dense(3)), variables, names="layers")
        >>> params["dense_0"]["kernel"].shape
        (4, 3)
    """
    return _from(layer, variables.get("params", {}), variables.get("batch_stats", {}), names)


def _children(layer: Sequential, names: str) -> list[tuple[Any, str, str]]:
    """Every layer of a stack with its name here and its name there."""
    if names not in ("compact", "layers"):
        raise ValueError(f'names must be "compact" or "layers", got {names!r}')
    counts: Counter = Counter()
    found = []
    for i, (ours, child) in enumerate(zip(layer_names(layer.layers), layer.layers, strict=True)):
        kind = FLAX_NAMES.get(type(child), type(child).__name__)
        found.append((child, ours, f"layers_{i}" if names == "layers" else f"{kind}_{counts[kind]}"))
        counts[kind] += 1
    return found


def _refuse(layer: Any) -> None:
    raise ValueError(
        f"Flax has no module with the parameters of {type(layer).__name__}; "
        f"it has those of {', '.join(kind.__name__ for kind in FLAX_NAMES)}"
    )


def _to(layer: Any, params: Any, state: Any, names: str) -> tuple[dict, dict]:
    if isinstance(layer, Sequential):
        given, stats = {}, {}
        for child, ours, theirs in _children(layer, names):
            if ours in params or ours in state:
                p, s = _to(child, params.get(ours, {}), state.get(ours, {}), names)
                given |= {theirs: p} if p else {}
                stats |= {theirs: s} if s else {}
        return given, stats
    if type(layer) not in FLAX_NAMES:
        _refuse(layer)
    if isinstance(layer, Attention):
        return _attention_to(layer, params), {}
    if isinstance(layer, (SimpleRNN, LSTM, GRU)):
        return {"cell": _cell_to(layer, params)}, {}
    return dict(params), {k: v for k, v in state.items() if k in ("mean", "var")}


def _from(layer: Any, given: Any, stats: Any, names: str) -> tuple[dict, dict]:
    if isinstance(layer, Sequential):
        params, state = {}, {}
        for child, ours, theirs in _children(layer, names):
            if theirs in given or theirs in stats:
                p, s = _from(child, given.get(theirs, {}), stats.get(theirs, {}), names)
                params |= {ours: p} if p else {}
                state |= {ours: s} if s else {}
            elif type(child) in FLAX_NAMES:
                raise ValueError(f"the variables have no {theirs!r} for {ours}; they have {', '.join(given)}")
        return params, state
    if type(layer) not in FLAX_NAMES:
        _refuse(layer)
    if isinstance(layer, Attention):
        return _attention_from(given), {}
    if isinstance(layer, (SimpleRNN, LSTM, GRU)):
        return _cell_from(layer, given["cell"]), {}
    return dict(given), dict(stats)


def _attention_to(layer: Attention, params: Any) -> dict:
    if layer.kv_heads not in (None, layer.heads):
        raise ValueError(
            "Flax's attention has as many key heads as query heads; write Attention(heads) without kv_heads"
        )
    out = {}
    for name, leaves in params.items():
        kernel = leaves["kernel"]
        if name == "out":
            out[name] = {**leaves, "kernel": kernel.reshape(layer.heads, -1, kernel.shape[-1])}
        else:
            out[name] = {k: v.reshape(*v.shape[:-1], layer.heads, -1) for k, v in leaves.items()}
    return out


def _attention_from(given: Any) -> dict:
    params = {}
    for name, leaves in given.items():
        kernel = leaves["kernel"]
        if name == "out":
            params[name] = {**leaves, "kernel": kernel.reshape(-1, kernel.shape[-1])}
        else:
            params[name] = {k: v.reshape(*v.shape[:-2], -1) for k, v in leaves.items()}
    return params


def _cell_to(layer: Any, params: Any) -> dict:
    kernel, bias, recurrent = params["input"]["kernel"], params["input"]["bias"], params["recurrent"]["kernel"]
    if isinstance(layer, SimpleRNN):
        return {"i": {"kernel": kernel, "bias": bias}, "h": {"kernel": recurrent}}
    gates = GATES[type(layer)]
    parts = zip(gates, *(jnp.split(v, len(gates), axis=-1) for v in (kernel, bias, recurrent)), strict=True)
    cell = {}
    for gate, k, b, r in parts:
        lstm = isinstance(layer, LSTM)
        cell[f"i{gate}"] = {"kernel": k} if lstm else {"kernel": k, "bias": b}
        cell[f"h{gate}"] = {"kernel": r, "bias": b} if lstm else {"kernel": r}
    if isinstance(layer, GRU):
        cell["hn"]["bias"] = params["recurrent"]["bias"]
    return cell


def _cell_from(layer: Any, cell: Any) -> dict:
    if isinstance(layer, SimpleRNN):
        return {"input": dict(cell["i"]), "recurrent": {"kernel": cell["h"]["kernel"]}}
    gates, side = GATES[type(layer)], "h" if isinstance(layer, LSTM) else "i"
    params: dict[str, dict] = {
        "input": {
            "kernel": jnp.concatenate([cell[f"i{g}"]["kernel"] for g in gates], -1),
            "bias": jnp.concatenate([cell[f"{side}{g}"]["bias"] for g in gates], -1),
        },
        "recurrent": {"kernel": jnp.concatenate([cell[f"h{g}"]["kernel"] for g in gates], -1)},
    }
    if isinstance(layer, GRU):
        params["recurrent"]["bias"] = cell["hn"]["bias"]
    return params
