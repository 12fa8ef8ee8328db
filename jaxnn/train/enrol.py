"""Members to be: every point is sorted, built and checked at the door, the last as well as the first."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnn.core.checks import pair
from jaxnn.core.ending import activation_at_the_end
from jaxnn.core.hyper import concrete, split
from jaxnn.core.precision import precision_of
from jaxnn.core.records import OF_CHANCES
from jaxnn.core.tree import row_count
from jaxnn.data.labels import by_output
from jaxnn.data.source import Source
from jaxnn.train.engine import Member, Recipe
from jaxnn.train.heads import Head
from jaxnn.train.micro import micro_rows
from jaxnn.train.options import part_of, whole
from jaxnn.train.targets import check_heads
from jaxnn.train.trial import OWN, Trial, TrialLike, arguments, check_names, signature


class Entry(NamedTuple):
    """One point, sorted: what it shares with others in ``recipe``, what is its own in the rest.

    Args:
        point: as the user gave it, axes of the engine's own included.
        recipe: equal recipes and equal shapes of ``inside`` share a program.
        inside: its traced numbers.
        seed, epochs, shuffle: of its training.
        stop: an `EarlyStopping` or None.
        steps: of an epoch, where parts of the rows differ in it; else None.
    """

    point: dict[str, Any]
    recipe: Recipe
    inside: dict[str, tuple]
    seed: int
    epochs: int
    shuffle: bool
    stop: Any
    steps: int | None = None

    @property
    def steps_per_epoch(self) -> int:
        """Of its own part of the rows."""
        return next(steps for steps in (self.recipe.steps_per_epoch, self.steps) if steps is not None)

    @property
    def structure(self) -> Any:
        """What members of one population have in common."""
        shapes = tuple((name, tuple((v.shape, str(v.dtype)) for v in vs)) for name, vs in sorted(self.inside.items()))
        return self.recipe, shapes, self.shuffle

    @property
    def hparams(self) -> dict[str, Any]:
        """The arguments of the trial function."""
        return arguments(self.point)

    def member(self, numbers: Any) -> Member:
        """As the engine takes it, its key as words, its numbers as given."""
        stop = jax.tree.map(lambda v: np.asarray(v, jax.dtypes.canonicalize_dtype(float)), self.stop)
        own = np.int32(part_of(self.point)), None if self.steps is None else np.int32(self.steps)
        return Member(numbers, stop, np.array([0, self.seed], np.uint32), np.int32(self.epochs), *own)

    @property
    def columns(self) -> dict[str, bool | None]:
        """What the history may have, and whether larger is better; None where nobody said."""
        known = self.trial().directions.items()
        return {name: way for name, way in known if self.recipe.held or not name.startswith("val_")}

    def trial(self) -> Trial:
        """The trial of this point, of concrete numbers."""
        member = Member(concrete(self.inside), self.stop, None, self.epochs, 0, self.steps)
        try:
            return self.recipe.built(member)
        except Exception as error:
            error.add_note(f"while the trial was built for {self.point or 'no hyperparameters'}")
            raise


def enrol(
    trial: TrialLike, source: Any, point: Mapping[str, Any], *, epochs: int, batch_size: int | None,
    shuffle: bool = True, stop: Any = None, precision: Any = None, rewind: bool = True, micro: int | None = None,
) -> Entry:  # fmt: skip
    """Sort a point into what is traced and what is structure; checks the names and numbers of its hyperparameters.

    Raises:
        ValueError: for a name or a number that does not fit, with the call to write instead.
    """
    own = {"seed": 0, "epochs": epochs, "batch_size": batch_size} | {n: point[n] for n in OWN if n in point}
    whole("epochs", own["epochs"])
    if own["batch_size"] is not None:
        whole("batch_size", own["batch_size"])
    seed = own["seed"]
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**32:
        raise ValueError(f"a seed must be a whole number in [0, 2**32), got {seed!r}; write seed=0")
    hparams = arguments(point)
    check_names(trial, hparams)
    inside, structure = split(hparams)
    size, shuffle, steps = source.stepped(own["batch_size"], shuffle)
    size = micro_rows(size, micro, source.rows if source.whole else source.origin.rows or 2**31)
    part = part_of(point)
    if not 0 <= part < len(steps):
        raise ValueError(f"the data have {len(steps)} part(s), and {part} is none of them; write "
                         "grid(..., folds=5), which makes the axis fold itself")  # fmt: skip
    alike, own_steps = pace(steps, part)
    recipe = Recipe(trial, structure, size, alike, source.holds_out, precision_of(precision),
                    rewind, classes=tuple(by_output(source.classes).items()), micro=micro)  # fmt: skip
    return Entry(dict(point), recipe, inside, int(seed), int(own["epochs"]), shuffle, stop, own_steps)


def pace(steps: Sequence[int], part: int) -> tuple[int | None, int | None]:
    """The steps of an epoch: of all parts where they are alike, else of this part.

    Example:
        >>> pace([3, 3], 1), pace([3, 4], 1)
        ((3, None), (None, 4))
    """
    return (steps[0], None) if len(set(steps)) == 1 else (None, steps[part])


def task_of(trial: TrialLike, point: Mapping[str, Any], epochs: int) -> Any:
    """The task of the loss of a point, before the data are read; None where the trial cannot be built."""
    built = glance(trial, point, epochs)
    return None if built is None else built.task


def glance(trial: TrialLike, point: Mapping[str, Any], epochs: int) -> Trial | None:
    """The trial of a point before the data are read; None where it cannot be built.

    What is wrong with the point is told where it is built for good.
    """
    try:
        inside, structure = split(arguments(point))
        member = Member(concrete(inside), None, None, epochs, 0)
        return Recipe(trial, structure, 1, 1, False, None, True).unnamed(member)
    except Exception:
        return None


def check(entry: Entry, trial: Trial, source: Source) -> None:
    """Run shapes through the model and the loss of a built trial, so that what does not fit fails here.

    The trial is built again as the program will build it, of numbers without a value.

    Raises:
        ValueError: with the path of the layer, or both shapes, and the call to write instead.
    """
    if trial.stop is not None and trial.stop.metric.startswith("val_") and not source.holds_out:
        raise ValueError(
            f"early stopping looks at {trial.stop.metric!r} and there is no validation part; write validation=0.2"
        )
    if entry.steps_per_epoch == 0 and "clock" in signature(entry.recipe.trial):
        raise ValueError(
            "the trial asks for its clock, and nobody knows how many steps an epoch of this stream has; write "
            "nn.stream(batches, steps_per_epoch=1000)"
        )
    for head in trial.heads:
        _check_ending(trial.model, head)
    both = next((name for name in trial.metric_names if name in entry.point), None)
    if both is not None:
        raise ValueError(
            f"{both!r} is a hyperparameter and a metric, and a table has one column of that name; "
            f"write nn.metric(name='my_{both}', rises=True)(function)"
        )
    jax.eval_shape(lambda member: entry.recipe.built(member) and None, entry.member(entry.inside))
    leaves, tree = jax.tree.flatten(source.data.x)
    rows = tuple((a.shape[1:], str(a.dtype)) for a in leaves)
    held = [(part, "the validation data") for part in source.held or ()]
    for part, what in [(source.data, "the data"), *held]:
        check_heads(trial, output_shape(trial.model, tree, rows, row_count(part.y)), part, what)


def _check_ending(model: Any, head: Head) -> None:
    """Raise for probabilities under a loss that takes logits."""
    loss, ending = head.loss, activation_at_the_end(model, head.path)
    if loss.task in OF_CHANCES and ending in ("sigmoid", "softmax"):
        what = f"the output {'/'.join(map(str, head.path))} of the model" if head.path else "the model"
        raise ValueError(
            f"{what} ends in a {ending}, and {loss.name} takes logits, of which it takes the "
            f'{"softmax" if loss.task == "classes" else "sigmoid"} itself; leave out "{ending}" at the end, as in '
            "Dense(1): predict_proba gives probabilities"
        )


@functools.lru_cache(maxsize=256)
def output_shape(model: Any, tree: Any, rows: tuple, n: int) -> Any:
    """Shape and dtype of the outputs for ``n`` rows."""
    x = jax.tree.unflatten(tree, [jax.ShapeDtypeStruct((n, *shape), dtype) for shape, dtype in rows])
    key = jax.eval_shape(lambda: jax.random.key(0, impl="threefry2x32"))

    def outputs(key: Any, x: Any) -> Any:
        params, state = model.init(key, x)
        return pair(model, model.apply(params, state, x))[0]

    return jax.eval_shape(outputs, key, x)
