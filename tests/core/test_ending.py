"""What models end in, by their specs."""

import jax
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.core.ending import activation_at_the_end

GRAPH = nn.Graph(
    ("h", nn.Dense(4), "x"), ("out", nn.Dense(1, "sigmoid"), "h"), ("other", nn.Dense(1), "h"), outputs="out"
)
ENDINGS = [
    (nn.Dense(1, "sigmoid"), "sigmoid"),
    (nn.Dense(1, jax.nn.sigmoid), "sigmoid"),
    (nn.Dense(1), None),
    (nn.Sequential(nn.Dense(3), nn.Activation("softmax")), "softmax"),
    (nn.Sequential(nn.Dense(3), nn.Sequential(nn.Dense(3), nn.Dense(1, "sigmoid"))), "sigmoid"),
    (nn.Sequential(), None),
    (GRAPH, "sigmoid"),
    (nn.Graph(("out", nn.Dense(1, "sigmoid"), "x"), outputs=("out",)), None),
    (nn.mlp((8,), out=3), None),
    (nn.Lambda(lambda x: x), None),
]


@pytest.mark.parametrize(("spec", "ending"), ENDINGS)
def test_the_ending_of(spec, ending):
    assert activation_at_the_end(spec) == ending


@pytest.mark.parametrize("loss", ["sigmoid_cross_entropy", nn.losses.focal(2.0)], ids=["cross entropy", "focal"])
@pytest.mark.parametrize("model", [spec for spec, ending in ENDINGS if ending == "sigmoid"])
def test_probabilities_under_a_loss_from_logits_are_refused(model, loss):
    trial = nn.Trial(model, loss, optax.sgd(0.1))
    data = np.ones((4, 2)), np.array([0, 1, 0, 1])
    with pytest.raises(ValueError, match=r'the model ends in a sigmoid, and .* takes logits.*leave out "sigmoid"'):
        nn.fit(trial, data, epochs=1, progress=False)
    with pytest.raises(ValueError, match="the model ends in a sigmoid"):
        nn.grid(trial, data, dict(seed=[0, 1]), epochs=1, progress=False)


def test_probabilities_under_other_losses_pass():
    trial = nn.Trial(nn.Dense(1, "sigmoid"), "squared_error", optax.sgd(0.1))
    nn.fit(trial, (np.ones((4, 2)), np.array([0.0, 1, 0, 1])), epochs=1, progress=False)


HEADS = nn.Sequential(
    nn.Dense(3),
    nn.Graph(("yes", nn.Sequential(nn.Dense(1, "sigmoid")), "x"), ("size", nn.Dense(1, "sigmoid"), "x"),
             outputs=("yes", "size")),
)  # fmt: skip


def test_each_of_several_outputs_has_its_ending():
    assert activation_at_the_end(HEADS, ("yes",)) == "sigmoid"
    assert activation_at_the_end(HEADS, ("other",)) is None
    assert activation_at_the_end(HEADS) is None


def test_probabilities_of_one_output_under_a_loss_from_logits_are_refused():
    data = np.ones((4, 2)), {"yes": np.array([0, 1, 0, 1]), "size": np.ones(4)}
    losses = {"yes": "sigmoid_cross_entropy", "size": "squared_error"}
    with pytest.raises(
        ValueError, match="the output yes of the model ends in a sigmoid, and sigmoid_cross_entropy takes"
    ):
        nn.fit(nn.Trial(HEADS, losses, optax.sgd(0.1)), data, epochs=1, progress=False)
    losses["yes"] = "squared_error"
    nn.fit(nn.Trial(HEADS, losses, optax.sgd(0.1)), data, epochs=1, progress=False)
