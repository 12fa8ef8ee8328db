"""Forms of operations by platform: of the one that a program is written for, or of all for which it is lowered."""

import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.core.branch import when
from jaxnn.core.plain import plain_operations
from jaxnn.core.platforms import written_for
from jaxnn.layers.attention_product import attend
from jaxnn.layers.dropout_mask import keep_mask

PACKAGE = Path(nn.__file__).parent
KEY = jax.random.key(0, impl="threefry2x32")
X = jnp.cos(jnp.arange(2 * 8 * 8, dtype=jnp.float32)).reshape(2, 8, 8, 1)
QUERY = jnp.cos(jnp.arange(2 * 4 * 2 * 4, dtype=jnp.float32)).reshape(2, 4, 2, 4)


def convolution(x, kernel):
    return nn.Conv(2, (3, 3)).apply({"kernel": kernel, "bias": jnp.zeros(2)}, {}, x)[0]


def average(go, x):
    return when(go, lambda x: (x * 2,), x)[0]


FORMS = {  # function, arguments, what only the form for a CPU holds, what only that for the others holds
    "convolution": (convolution, (X, jnp.ones((3, 3, 1, 2))), "dot_general", "stablehlo.convolution"),
    "attention": (lambda q: attend(q, q, q), (QUERY,), "batching_dims = [0, 1] x [0, 1]", "= [0, 2] x [0, 2]"),
    "dropout": (lambda rate: keep_mask(KEY, rate, (80, 80)), (jnp.float32(0.5),), "stablehlo.while", None),
    "a change that may not happen": (average, (jnp.bool_(True), jnp.ones(2)), None, "stablehlo.select"),
}


def holds(text, mark):
    return mark is None or mark in text


def assert_form(text, platform, cpu, default):
    assert cpu is None or (cpu in text) == (platform == "cpu")
    assert default is None or (default in text) == (platform != "cpu")


@pytest.mark.parametrize("form", FORMS)
def test_a_host_with_a_cpu_lowers_the_form_of_each_platform(form):
    function, args, cpu, default = FORMS[form]
    traced = jax.jit(function).trace(*args)
    for platform in ("cpu", "cuda", "tpu"):
        text = traced.lower(lowering_platforms=(platform,)).as_text()
        assert_form(text, platform, cpu, default)


@pytest.mark.parametrize("form", FORMS)
def test_an_export_for_several_platforms_holds_the_forms_of_all(form):
    function, args, cpu, default = FORMS[form]
    exported = jax.export.export(jax.jit(function), platforms=("cpu", "cuda", "tpu"))(*args)
    assert exported.platforms == ("cpu", "cuda", "tpu")
    assert holds(exported.mlir_module(), cpu) and holds(exported.mlir_module(), default)
    np.testing.assert_allclose(exported.call(*args), function(*args), atol=1e-5)


@pytest.mark.parametrize("form", FORMS)
def test_a_program_for_known_devices_holds_their_form_alone(form):
    """Whatever was traced before: both switches are part of what a jitted function is remembered by."""
    function, args, cpu, default = FORMS[form]
    for platform in ("cpu", "tpu", "cuda"):
        with written_for(platform):
            text = jax.jit(function).trace(*args).lower(lowering_platforms=(platform,)).as_text()
        assert_form(text, platform, cpu, default)
    with plain_operations(), written_for("cpu"):
        assert holds(jax.jit(function).lower(*args).as_text(), default)


def test_both_forms_give_the_same_and_so_do_their_gradients():
    for function, args, *_ in (FORMS["convolution"], FORMS["attention"]):
        loss = lambda *args, function=function: (function(*args) ** 2).sum()  # noqa: E731
        values = []
        for platform in (None, "cpu", "tpu"):
            with written_for(platform):
                values.append(jax.value_and_grad(loss, len(args) - 1)(*args))
        for other in values[1:]:
            jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-4), values[0], other)


def test_a_training_holds_the_forms_of_its_devices_and_no_choice():
    """Even the host's own: a choice that is left open would be differentiated branch by branch."""
    from jaxnn.train.lowered import lowered

    def trial(lr):
        return nn.Trial(nn.lenet(2, filters=(2,), hidden=(3,), dropout=0.5), "squared_error", optax.sgd(lr))

    population = nn.population(trial, (np.asarray(X), np.ones((2, 2), np.float32)), dict(lr=[0.1]), batch_size=2)
    text = lowered(population).train.stage.as_text()
    assert "stablehlo.convolution" not in text and "stablehlo.case" not in text


def test_no_file_asks_which_devices_the_host_has_to_choose_a_form():
    """`jax.default_backend` says where JAX would compute by default, not for what a program is traced."""
    asking = re.compile(r"default_backend|get_backend|(?<!`)jax\.lax\.platform_dependent\(")
    files = {f.relative_to(PACKAGE).as_posix() for f in PACKAGE.rglob("*.py") if asking.search(f.read_text("utf-8"))}
    assert files == {"core/platforms.py"}
