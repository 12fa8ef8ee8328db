"""The pictures of a grid's runs, as ``runs.plot``."""

from typing import Any

from jaxnn.plot.curves import curves
from jaxnn.plot.grid import heatmap
from jaxnn.plot.importance import importance
from jaxnn.plot.lineage import lineage
from jaxnn.plot.marginals import marginals
from jaxnn.plot.parallel import parallel
from jaxnn.plot.rungs import rungs


class RunsPlots:
    """The pictures of a grid, as ``runs.plot``.

    Args:
        runs: what `jaxnn.grid` returned.
    """

    def __init__(self, runs: Any):
        self.runs = runs

    def curves(self, name: str | None = None, **options: Any) -> Any:
        """`jaxnn.plot.curves` of all runs, or ``by="lr"``; ``highlight=5`` marks the best five by this metric."""
        if options.get("by") is not None:
            return curves(self.runs, name, **options)
        name, marked = name or "loss", options.pop("highlight", ())
        if isinstance(marked, int):
            own = f"val_{name.removeprefix('val_')}"
            own = own if own in self.runs.history else name
            marked = [int(i) for i in self.runs.order(own)[:marked]]
        return curves(self.runs.history, name, highlight=marked, **options)

    def heatmap(self, x: str, y: str, value: str | None = None, **options: Any) -> Any:
        """`jaxnn.plot.heatmap` of the table; by default of the metric that `Runs.best` goes by."""
        value = value or str(self.runs.default_metric)
        if value in self.runs.history:
            options["mode"] = "max" if self.runs.rises(value, options.get("mode")) else "min"
        return heatmap(self.runs.table, x, y, value, **options)

    def parallel(self, metric: str | None = None, **options: Any) -> Any:
        """`jaxnn.plot.parallel`: each setting as a line through its values."""
        return parallel(self.runs, metric, **options)

    def marginals(self, metric: str | None = None, **options: Any) -> Any:
        """`jaxnn.plot.marginals`: the metric over the values of each axis."""
        return marginals(self.runs, metric, **options)

    def importance(self, metric: str | None = None, **options: Any) -> Any:
        """`jaxnn.plot.importance`: how much of the variance each axis explains."""
        return importance(self.runs, metric, **options)

    def rungs(self, metric: str | None = None, **options: Any) -> Any:
        """`jaxnn.plot.rungs`: who went on in a halving."""
        return rungs(self.runs, metric, **options)

    def lineage(self, colour: str | None = None, **options: Any) -> Any:
        """`jaxnn.plot.lineage`: who went on from whom in a population-based training."""
        return lineage(self.runs, colour, **options)
