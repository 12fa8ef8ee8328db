"""The programs of a population before they are compiled: for devices that are not here, or to see what they take."""

from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnn.data.source import Block
from jaxnn.train.group import shared
from jaxnn.train.population import Population
from jaxnn.train.program import Lowered, programs


class Pair(NamedTuple):
    """The two programs of a population, and what goes from one to the other.

    Args:
        start: draws the weights.
        train: trains a block of epochs.
        state: the shapes of the state of all members of a call, with shardings.
    """

    start: Lowered
    train: Lowered
    state: Any


def lowered(population: Population) -> Pair:
    """The programs that a population would run, for the devices of its layout; these need not be here.

    They are those that `fit`, `grid` and `population` compile, for the shapes of a population's first group. No array
    is placed and nothing runs; `Lowered.compile` lets XLA work, and its result tells memory and operations.

    Args:
        population: such as ``nn.population(trial, data, space, plan=nn.Plan(1, 64, 64, (device,)))``.

    Example:
        >>> import optax, numpy as np, jaxnn as nn
        >>> trial = lambda lr: nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))
        >>> x = np.ones((8, 3))
        >>> pop = nn.population(trial, (x, x[:, 0]), dict(lr=[0.1, 0.2]), plan="vmap")
        >>> pair = lowered(pop)
        >>> pair.state.params["kernel"].shape, "tensor<2x3x1xf32>" in pair.train.stage.as_text()
        ((2, 3, 1), True)
    """
    if not population.source.whole:
        raise ValueError("members of a stream have programs of their own; write the rows in memory, as (x, y)")
    layout, source, entry = population.layout, population.source, population.entries[0]
    places = len(layout.arrange(len(population.groups[0].members)))

    def abstract(tree: Any, lead: tuple[int, ...] = ()) -> Any:
        return jax.tree.map(
            lambda a: jax.ShapeDtypeStruct((*lead, *a.shape), a.dtype, sharding=layout.sharding(bool(lead))),
            jax.eval_shape(lambda t: t, tree),
        )

    key = jax.eval_shape(lambda: jax.random.key(0, impl="threefry2x32"))
    given = jax.tree.map(lambda a: np.asarray(a)[0], population.given)
    own = abstract((entry.member(entry.inside)._replace(key=key), given), (places,))
    row = abstract(source.first_row)
    block = abstract(Block(*shared(source, entry.trial()), *source.work(0, 0)))
    pair = programs(population.recipe, layout)
    state = pair.state(own, row)
    return Pair(pair.start.lower(own, row), pair.train.lower(own[0], state, block), state)
