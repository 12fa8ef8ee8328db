"""The hyperparameter that is used as what it is not, named; whatever else goes wrong is left as it is."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.data.source import read
from jaxnn.train import program
from jaxnn.train.culprits import naming_culprits, rehearse
from jaxnn.train.enrol import enrol

X, Y = np.ones((4, 2), np.float32), np.ones(4, np.float32)


def made(width=2, rate=0.1, optimizer=None):
    return nn.Trial(nn.mlp((width,), out=1), "squared_error", optimizer or optax.sgd(rate))


def as_int(width, lr=0.1):
    return made(int(width), lr)


def as_range(n):
    return nn.Trial(nn.mlp([2 for _ in range(n)], out=1), "squared_error", optax.sgd(0.1))


def in_an_if(lr):
    return made(optimizer=optax.sgd(lr) if lr < 0.1 else optax.adam(lr))


def in_a_name(lr):
    return made(rate=float(f"{lr:.3f}"))


def as_a_key(kind):
    return {0.5: made()}[kind]


def in_numpy(lr):
    return made(rate=np.log(lr))


def of_an_array(widths):
    return made(int(widths[0]))


def truth_of_an_array(widths):
    return made(4 if widths.any() else 2)


def as_width(width):
    return made(width)


def as_index(which):
    return [made(), made(3)][which]


def in_zeros(size):
    return made(len(jnp.zeros(size)))


def as_rate(lr, l2=0.0):
    return made(optimizer=optax.chain(nn.l2(l2), optax.sgd(lr)))


def both(width, depth, lr):
    return nn.Trial(nn.mlp((int(width),) * int(depth), out=1), "squared_error", optax.sgd(lr))


STRUCTURE = r"the trial uses {0} as structure.*write {0}=nn.static\({1}\), in a grid {0}=nn.static\(\[{1}, \.\.\.\]\)"


@pytest.mark.parametrize(
    ("trial", "hparams", "sentence"),
    [
        (as_int, dict(width=8.0, lr=0.2), STRUCTURE.format("width", "8.0")),
        (as_int, dict(width=8.5), STRUCTURE.format("width", "8.5")),
        (as_range, dict(n=nn.traced(2)), STRUCTURE.format("n", "2")),
        (in_an_if, dict(lr=0.05), STRUCTURE.format("lr", "0.05") + ", or jnp.where in the place of an if"),
        (in_a_name, dict(lr=0.1), STRUCTURE.format("lr", "0.1")),
        (as_a_key, dict(kind=0.5), STRUCTURE.format("kind", "0.5")),
        (in_numpy, dict(lr=2.0), STRUCTURE.format("lr", "2.0")),
        (of_an_array, dict(widths=np.array([8.0])), STRUCTURE.format("widths", r"\[8.0\]")),
        (truth_of_an_array, dict(widths=np.array([8.0, 2.0])), "the trial uses widths as structure"),
        (both, dict(lr=0.1, depth=2.0, width=4.0), "the trial uses (depth|width) as structure"),
        (as_width, dict(width=8.0), r"width as a whole number, and width is 8.0; write width=8, in a grid .*static"),
        (as_range, dict(n=2.0), "the trial uses n as a whole number, and n is 2.0; write n=2"),
        (as_index, dict(which=1.0), "the trial uses which as a whole number"),
        (in_zeros, dict(size=3.0), "the trial uses size as a whole number"),
        (as_rate, dict(lr="1e-2"), "lr is the text '1e-2', and the trial uses it as a number; write lr=0.01"),
        (as_rate, dict(lr=[0.1, 0.2]), r"lr is \[0.1, 0.2\], and the trial uses it as one number; write lr=0.1, or"),
        (as_rate, dict(lr=np.array([0.1, 0.2])), r"write lr=0.1, or for several networks nn.grid\(.*dict\(lr=\[0.1,"),
        (as_rate, dict(lr={"a": 0.1}), "lr is {'a': 0.1}, and the trial uses it as one number"),
    ],
)  # fmt: skip
def test_the_hyperparameter_is_named_with_what_to_write_and_nothing_is_compiled(trial, hparams, sentence, monkeypatch):
    def refuse(lowered, *_, **__):
        raise AssertionError("this compiles")

    monkeypatch.setattr(jax.stages.Lowered, "compile", refuse)
    with pytest.raises(ValueError, match=sentence) as caught:
        nn.fit(trial, (X, Y), hparams, epochs=1, progress=False)
    assert caught.value.__cause__ is not None
    with pytest.raises(ValueError, match=sentence):
        nn.grid(trial, (X, Y), [hparams], epochs=1, progress=False)


def test_a_grid_names_the_first_point_that_is_to_blame(monkeypatch):
    with pytest.raises(ValueError, match=r"^point 1 of the space, {'width': 8.5}: the trial uses width as structure"):
        nn.grid(as_int, (X, Y), [dict(width=nn.static(8.5)), dict(width=8.5)], epochs=1, progress=False)


@pytest.mark.parametrize(
    ("trial", "hparams", "sentence"),
    [
        (as_rate, dict(lr=0.1, l2=-1.0), "l2 must be 0 or more"),
        (lambda lr: nn.Trial(nn.Dense(3), "squared_error", optax.sgd(lr)), dict(lr=0.1), "the model gives outputs"),
        (lambda lr: made(rate=lr + undefined), dict(lr=0.1), "name 'undefined' is not defined"),  # noqa: F821
        (lambda lr: made(rate=lr[0]), dict(lr=0.1), "not subscriptable"),
    ],
)  # fmt: skip
def test_what_no_hyperparameter_mends_is_told_as_it_was(trial, hparams, sentence):
    with pytest.raises(Exception, match=sentence) as caught:
        nn.fit(trial, (X, Y), hparams, epochs=1, progress=False)
    assert "nn.static" not in str(caught.value)


def test_an_error_that_the_trial_has_no_part_in_passes_as_it_is():
    source = read((X, Y))
    entry = enrol(as_rate, source, dict(lr=0.1), epochs=1, batch_size=2)
    rehearse(entry, source)
    with pytest.raises(ValueError, match=r"^elsewhere$"), naming_culprits(entry, source):
        raise ValueError("elsewhere")


def test_under_jit_the_traced_are_named():
    def last(lr):
        return nn.run(in_an_if, {"lr": lr}, jax.random.key(0), (X, Y), epochs=1, batch_size=4)[1]["loss"]

    with pytest.raises(ValueError, match=r"uses lr as structure.* traced by jax.jit.*give it as a plain number"):
        jax.jit(last)(0.3)


def test_a_rehearsal_compiles_nothing_and_keeps_nothing():
    source = read((X, Y), 0.25)
    entry = enrol(as_int, source, dict(width=8.0), epochs=3, batch_size=2, stop=nn.EarlyStopping())
    before = dict(program._KEPT)
    with pytest.raises(jax.errors.ConcretizationTypeError):
        rehearse(entry, source)
    rehearse(entry, source, known=["width"])
    assert dict(program._KEPT) == before
