"""A trained model: what is used, and what is saved."""

import os
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxnn.core.precision import Precision, precision_of
from jaxnn.core.tree import cast
from jaxnn.core.types import Batch, Layer, Params, State
from jaxnn.data import given, labels
from jaxnn.data.arrays import as_batch, narrow
from jaxnn.train.heads import by_path, mapped
from jaxnn.train.predict import evaluation, outputs_of
from jaxnn.train.reading import decide, log_probabilities, probabilities, read, read_probabilities, unmasked
from jaxnn.train.trial import Trial


@dataclass(frozen=True, eq=False)
class Model:
    """A spec with its weights, and what it takes to use them on new rows.

    Args:
        spec: the architecture, its hyperparameters concrete numbers.
        params: the weights.
        state: the model state, such as running statistics.
        loss: as a `Trial` has it; says how outputs are read.
        metrics: as a `Trial` has them.
        standardiser: what scales new rows, or None.
        classes: class names, or None; a tree of them like that of the losses where these go by output.
        features: column names, or None.
        precision: that of its training, in which it is used too: a `Precision` or its name, or None for that of the
            platform.
        prepare: what makes numbers of new rows, fitted on the training part, or None.
        named: whether the targets were class names, which `predict` then gives back.
        loss_weights: as a `Trial` has them, concrete numbers.
        baseline: what a constant prediction reaches, by the names of the history; see `Run.baseline`.
        row: rows of inputs as arrays or `jax.ShapeDtypeStruct`, of which one is kept as its shape: by it weights are
            checked when a model is saved and loaded. None for a model that is not saved.

    Example:
        >>> import jaxnn as nn
        >>> model = Model(nn.Dense(1), {"kernel": np.ones((2, 1)), "bias": np.zeros(1)}, {}, "squared_error")
        >>> model.predict(np.array([[1.0, 2.0]])).tolist()
        [3.0]
    """

    spec: Layer
    params: Params
    state: State
    loss: Any
    metrics: Any = ()
    standardiser: Any = None
    classes: Any = None
    features: tuple[str, ...] | None = None
    precision: Any = None
    prepare: Any = None
    named: bool = False
    loss_weights: Any = None
    baseline: dict[str, float] = field(default_factory=dict)
    row: Any = None

    def __post_init__(self):
        one = jax.tree.map(lambda a: jax.ShapeDtypeStruct((1, *a.shape[1:]), a.dtype), self.row)
        object.__setattr__(self, "row", one)
        object.__setattr__(self, "precision", precision_of(self.precision))

    @property
    def trial(self) -> Trial:
        """The model and its loss and metrics as a `Trial`, without an optimizer."""
        return Trial(self.spec, self.loss, optax.identity(), self.metrics, loss_weights=self.loss_weights)

    @property
    def task(self) -> Any:
        """How outputs become predictions, as `jaxnn.Loss` lists it; None where nobody said, a tree where losses are."""
        return self.trial.task

    def outputs(self, x: Any) -> Any:
        """What the model gives for new rows: logits or values, ``(rows, ...)``, without the mask of their steps.

        Args:
            x: rows as the training data had them, a table with its columns in any order; prepared and standardised
                here if they were there.

        Raises:
            ValueError: for rows of another shape, a column that is missing, text or NaN.
        """
        return unmasked(self.loss, self.masked_outputs(x))

    def masked_outputs(self, x: Any) -> Any:
        """`outputs`, beside the mask of their steps where the model hands one on."""
        x = given.inputs(x, self.features, self.prepare)
        x = jax.tree.map(np.asarray, x, is_leaf=lambda a: isinstance(a, list))
        if not jax.tree.leaves(x) or any(a.ndim == 0 for a in jax.tree.leaves(x)):
            raise ValueError(f"the new rows have no rows, got {x!r}; write them as in training, x (rows, ...)")
        rows = jax.tree.leaves(x)[0].shape[0]
        if rows:
            x = self._ready(as_batch((x, np.zeros(rows)), "the new rows", wide=self._wide)).x
        return outputs_of(self.spec, self.params, self.state, x, self.precision)

    @property
    def _wide(self) -> bool:
        """Whether rows stay in float64 until they are prepared and scaled."""
        return self.standardiser is not None or self.prepare is not None

    def _ready(self, batch: Batch) -> Batch:
        x = batch.x if self.standardiser is None else self.standardiser.transform(batch.x)
        return narrow(batch._replace(x=x)) if self._wide else batch

    def batch(self, data: Any) -> Batch:
        """Data ``(x, y)`` or ``(x, y, weight)`` as the model takes them: columns by name, classes as numbers, scaled.

        Raises:
            ValueError: as `fit` does, for data that do not fit.
        """
        own = given.given(data, task=self.task, known=self.classes, named=self.named)
        x = given.inputs(own.x, self.features, self.prepare, "the data")
        return self._ready(as_batch((x, own.y, own.weight), wide=self._wide))

    def predict_proba(self, x: Any) -> Any:
        """Class probabilities ``(rows, classes)``, in the order of `classes`; by output where losses are, None where an
        output has none.

        Raises:
            ValueError: if the loss is no cross-entropy.
        """
        return read_probabilities(self.loss, self.outputs(x), probabilities, "run")

    def predict_log_proba(self, x: Any) -> Any:
        """The logarithms of `predict_proba`, which are finite where a probability is too small for a float."""
        return read_probabilities(self.loss, self.outputs(x), log_probabilities, "run")

    def predict(self, x: Any) -> Any:
        """Classes ``(rows,)`` as the targets had them, or values ``(rows, ...)``; by output where losses are."""
        return self.told(read(decide, self.loss, self.outputs(x)))

    def told(self, decided: Any) -> Any:
        """Class numbers as the names that the targets had, by output where losses are; all else as it is."""
        names = by_path(self.loss, labels.by_output(self.classes) if self.named else {})

        def one(_: Any, own: Any, classes: Any) -> Any:
            whole = np.issubdtype(getattr(own, "dtype", object), np.integer)
            return labels.given_back(classes, own) if classes and whole else own

        return mapped(one, self.loss, decided, names)

    def evaluate(self, data: Any) -> dict[str, float]:
        """Loss and metrics on data ``(x, y)`` or ``(x, y, weight)``, in use.

        Raises:
            ValueError: as `fit` does, for data that do not fit.
        """
        return evaluation(self.trial, self.params, self.state, self.batch(data), self.precision)

    def cast(self, dtype: Any) -> "Model":
        """The model with its weights in another dtype, to be used in it: half the memory, and on most machines faster.

        Statistics, such as those of a `BatchNorm`, keep theirs, and outputs are of float32 at least as before. A file
        holds the weights as they are. Training goes on from the model that was not cast.

        Args:
            dtype: ``"bfloat16"``, ``"float16"`` or ``"float32"``.

        Raises:
            ValueError: for a dtype that is not floating.

        Example:
            >>> import jaxnn as nn
            >>> model = Model(nn.Dense(1), {"kernel": np.ones((2, 1)), "bias": np.zeros(1)}, {}, "squared_error")
            >>> half = model.cast("bfloat16")
            >>> str(half.params["kernel"].dtype), half.predict(np.array([[1.0, 2.0]])).tolist()
            ('bfloat16', [3.0])
        """
        if dtype is None:
            raise ValueError('cast needs a dtype; write run.cast("bfloat16")')
        precision = Precision(param=dtype, compute=dtype)
        return replace(self, params=cast(jax.tree.map(jnp.asarray, self.params), precision.param), precision=precision)

    def save(self, path: str | os.PathLike, **about: Any) -> None:
        """Write the model as one safetensors file, atomically; `jaxnn.load` reads it.

        Args:
            path: of the file.
            **about: what a `Run` tells beside it.

        Raises:
            ValueError: for what could not be loaded: a function in the spec, or weights that are not those of the spec.
        """
        from jaxnn.io.model import write

        write(path, self, about)
