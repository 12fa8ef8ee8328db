"""Ignored labels against PyTorch."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.core.codec import from_json, to_json
from jaxnn.losses import ignoring

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(5, 6, 4)).astype(np.float32)
LABELS = np.where(RNG.uniform(size=(5, 6)) < 0.6, RNG.integers(0, 4, (5, 6)), -100).astype(np.int32)
LABELS[3] = -100


def test_each_row_is_the_mean_over_its_labels_that_count():
    found = jax.jit(ignoring("softmax_cross_entropy"))(LOGITS, LABELS)
    for row, logits, labels in zip(found, LOGITS, LABELS, strict=True):
        expected = torch.nn.functional.cross_entropy(torch.tensor(logits), torch.tensor(labels).long())
        np.testing.assert_allclose(row, np.nan_to_num(expected.item()), rtol=1e-5)
    theirs = inspect.signature(torch.nn.functional.cross_entropy).parameters["ignore_index"].default
    assert ignoring().label == ignoring.label == theirs
    one = ignoring("softmax_cross_entropy", -100)(LOGITS[:, 0], LABELS[:, 0])
    each = torch.nn.functional.cross_entropy(
        torch.tensor(LOGITS[:, 0]), torch.tensor(LABELS[:, 0]).long(), reduction="none"
    )
    np.testing.assert_allclose(one, each, rtol=1e-5)
    gradient = jax.grad(lambda o: ignoring("softmax_cross_entropy")(o, LABELS).sum())(LOGITS)
    assert np.isfinite(gradient).all() and not np.asarray(gradient)[LABELS == -100].any()


@pytest.mark.parametrize("loss", ["mse", "sparse_categorical_crossentropy", nn.losses.label_smoothing(0.1)])
def test_any_loss_with_a_name_or_a_spec_may_be_inside(loss):
    own = ignoring(loss, 2)
    assert own.task == nn.losses.resolve(loss).task and own.ignored == 2
    again = from_json(to_json(own))
    assert again == own and hash(again) == hash(own) and eval(repr(own), {**vars(nn.losses)}) == own
    record = nn.losses.resolve(own)
    outputs, targets = (
        (LOGITS[:, 0], LABELS[:, 0] % 4) if own.task == "classes" else (LOGITS[:, 0, 0], LABELS[:, 0] % 4)
    )
    np.testing.assert_allclose(
        record(outputs, targets), np.where(targets == 2, 0, nn.losses.resolve(loss)(outputs, targets)), rtol=1e-6
    )


def test_numbers_of_the_loss_inside_are_traced():
    def trial(smoothing):
        loss = ignoring(nn.losses.label_smoothing(smoothing), -100)
        return nn.Trial(nn.Dense(4), loss, optax.sgd(0.1))

    data = (LOGITS, LABELS)
    first = nn.grid(trial, data, dict(smoothing=[0.1, 0.2]), epochs=1, progress=False)
    again = nn.grid(trial, data, dict(smoothing=[0.3, 0.4]), epochs=1, progress=False)
    assert again.n_compiles == 0 and first.history["loss"][0, 0] != first.history["loss"][1, 0]
    counting = LABELS != -100
    logits = np.asarray(first[1].outputs(LOGITS), np.float64)
    expected = torch.nn.functional.cross_entropy(
        torch.tensor(logits).swapaxes(1, 2), torch.tensor(LABELS).long(), label_smoothing=0.2
    )
    assert first[1].evaluate(data)["loss"] == pytest.approx(expected.item(), rel=1e-5)
    assert first[1].evaluate(data)["accuracy"] == pytest.approx(
        (logits.argmax(-1) == LABELS)[counting].mean(), rel=1e-6
    )


def test_a_run_with_an_ignored_label_is_saved(tmp_path):
    run = nn.fit(nn.Trial(nn.Dense(4), ignoring(), optax.sgd(0.1)), (LOGITS, LABELS), epochs=1, progress=False)
    run.save(tmp_path / "run.safetensors")
    loaded = nn.load(tmp_path / "run.safetensors")
    assert loaded.model.loss == ignoring() and loaded.evaluate((LOGITS, LABELS)) == run.evaluate((LOGITS, LABELS))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: ignoring(lambda o, t: o),
            TypeError,
            r"takes the name of a loss or a spec, .*ignoring\(",
        ),
        (lambda: ignoring(nn.losses.huber), TypeError, "takes the name of a loss or a spec"),
        (lambda: ignoring("unheard of"), ValueError, "no loss is named 'unheard of'"),
        (lambda: ignoring("hinge", 0.5), TypeError, r"the ignored label is a whole number, got 0\.5"),
        (lambda: ignoring("hinge", True), TypeError, "the ignored label is a whole number"),
    ],
)
def test_what_makes_no_sense_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_a_label_that_is_everywhere_is_told():
    with pytest.raises(ValueError, match="every label of the data is ignored; write another label"):
        nn.fit(nn.Trial(nn.Dense(4), ignoring(), optax.sgd(0.1)), (LOGITS, jnp.full((5, 6), -100)), epochs=1,
               progress=False)  # fmt: skip
