"""One point of a grid trained again, alone."""

from typing import Any

from jaxnn.train.fit import fit
from jaxnn.train.options import PARTS
from jaxnn.train.result import Run


def replay(runs: Any, i: int) -> Run:
    """See `Runs.replay`."""
    if runs.trial is None:
        raise ValueError(
            "runs out of a folder hold no trial function, nor some out of a pickle; "
            "write nn.fit(trial, data, runs[i].hparams)"
        )
    point = dict(runs.space.points[i])
    own = {name: point.pop(name) for name in ("seed", "batch_size", "epochs") if name in point}
    part, data = [point.pop(name) for name in PARTS if name in point], runs.data
    if part:
        assert runs.source is not None
        data = runs.source.only(part[0])
    start = runs.options.get("start")
    begun = {"start": start[i] if isinstance(start, list) else start}
    return fit(runs.trial, data, point, **{**runs.options, **own, **begun}, progress=False)
