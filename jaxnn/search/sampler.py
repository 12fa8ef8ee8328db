"""Ask and tell: whatever proposes points gets them trained in batches, each a grid in programs that are there."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Unpack

import numpy as np

from jaxnn.grid.results import Runs
from jaxnn.search.batch import means
from jaxnn.search.batches import Batches, Options
from jaxnn.train.ending import Interrupted, told
from jaxnn.train.options import whole
from jaxnn.train.progress import progress_bar
from jaxnn.train.trial import TrialLike


class Sampler(Protocol):
    """Whatever proposes points and learns how good they were."""

    def ask(self, n: int) -> Sequence[Mapping[str, Any]]:
        """Points to train next, ``n`` of them or as many as it likes; none to end the search."""
        ...

    def tell(self, points: Sequence[Mapping[str, Any]], scores: np.ndarray) -> Any:
        """The metric of these points, ``(points,)`` float64, in their order; NaN for those that diverged."""
        ...


def ask_tell(
    sampler: Sampler,
    trial: TrialLike,
    data: Any,
    *,
    epochs: int,
    rounds: int,
    batch: int = 64,
    metric: str | None = None,
    seeds: int = 1,
    progress: bool = True,
    **options: Unpack[Options],
) -> Runs:
    """Train what a sampler proposes, batch after batch, and tell it the scores.

    A batch is a grid: its points train together, each as it would alone. Programs are kept from batch to batch, so that
    new floats compile nothing, nor does a batch of fewer points; a new size or function is a program of its own.

    Args:
        sampler: any object with ``ask(n)``, which returns a list of dicts of hyperparameters, and
            ``tell(points, scores)``.
        trial: a function from hyperparameters to a `Trial`. Points may leave out arguments that have defaults.
        data: ``(x, y)``, ``(x, y, weight)`` or a data set.
        epochs: passes over the data, at most.
        rounds: how often to ask, at most.
        batch: how many points to ask for at once.
        metric: a name in the history; by default validation accuracy, validation loss or loss. Scores are this metric
            as it is, at the chosen epoch; whether larger is better is the sampler's to know.
        seeds: train each point with so many seeds; its score is the mean over them.
        progress: a bar for work longer than a second.
        **options: batch_size, validation, stop, plan, shuffle_seed, shuffle, standardise, prepare, groups and
            precision, as in `jaxnn.grid`.

    Returns:
        `Runs` of all points, in the order in which they were asked for, those of one point side by side.

    Raises:
        ValueError: for a point or data that do not fit, or a metric that the history does not have.
        KeyboardInterrupt: on Ctrl-C; ``error.runs`` holds the runs of the batches before.

    Example:
        >>> import optax, jaxnn as nn
        >>> def line(lr):
        ...     return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))
        >>> class Closer:
        ...     '''Draws around the best so far.'''
        ...     best, rng = (0.01, np.inf), np.random.default_rng(0)
        ...     def ask(self, n):
        ...         return [dict(lr=self.best[0] * float(f)) for f in np.exp(self.rng.normal(size=n))]
        ...     def tell(self, points, scores):
        ...         found = [(p["lr"], s) for p, s in zip(points, scores) if s < self.best[1]]
        ...         self.best = min(found, key=lambda pair: pair[1], default=self.best)
        >>> x = np.linspace(-1, 1, 16)[:, None]
        >>> runs = nn.ask_tell(Closer(), line, (x, 2 * x[:, 0]), epochs=5, rounds=3, batch=8)
        >>> len(runs), runs.best("loss").metrics["loss"] < runs[0].metrics["loss"]
        (24, True)
    """
    whole("rounds", rounds)
    batches = Batches(trial, data, epochs=epochs, full=batch, seeds=seeds, options=options)
    with progress_bar(rounds * batch * seeds * epochs, progress, f"search of {rounds * batch}") as bar:
        try:
            for _ in range(rounds):
                points = _asked(sampler, batch)
                if not points:
                    break
                own = batches.begin(points)
                (name,) = batches.metrics(own, metric)
                own.advance(own.end, bar.update)
                scores = own.chosen(name)
                batches.close(own)
                sampler.tell(points, means(scores, seeds))
        except KeyboardInterrupt as error:
            raise Interrupted(batches.runs().finished) from error
    return finished(batches)


def finished(batches: Batches) -> Runs:
    """All runs of a search, with one warning for all that diverged.

    Raises:
        ValueError: if there is none.
    """
    if batches.source is None:
        raise ValueError("the sampler asked for no point at all; write an ask(n) that returns [dict(lr=0.1), ...]")
    runs = batches.runs()
    told(np.concatenate([cohort.outcome.diverged for cohort in runs.cohorts]), batches.source)
    return runs


def _asked(sampler: Sampler, n: int) -> list[dict[str, Any]]:
    call = "ask(n) of a sampler returns a list of dicts, [dict(lr=0.1), ...]"
    if not callable(getattr(sampler, "ask", None)) or not callable(getattr(sampler, "tell", None)):
        raise ValueError(f"a sampler has ask(n) and tell(points, scores), got {sampler!r}; {call}")
    points = sampler.ask(n)
    if (
        isinstance(points, Mapping)
        or not hasattr(points, "__iter__")
        or not all(isinstance(p, Mapping) for p in points)
    ):
        raise ValueError(f"ask({n}) of the sampler returned {points!r}; {call}")
    return [dict(point) for point in points]
