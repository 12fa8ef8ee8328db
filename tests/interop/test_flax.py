"""Linen and NNX modules under the protocol: equal to Flax alone, in the exam, in fit and in grid."""

import subprocess
import sys

import flax.linen as linen
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

import jaxnn as nn
from jaxnn.interop.flax import from_linen, from_nnx

X = np.random.default_rng(0).normal(size=(10, 4)).astype(np.float32)
Y = (X.sum(1) > 0).astype(np.int32)


class Net(linen.Module):
    """Dense, batch normalisation, dropout, dense."""

    rate: float = 0.5
    start: str = "lecun_normal"

    @linen.compact
    def __call__(self, x, train: bool):
        init = getattr(linen.initializers, self.start)
        x = linen.Dense(5, kernel_init=init() if self.start != "zeros" else init)(x)
        x = linen.BatchNorm(use_running_average=not train, momentum=0.9)(x)
        x = linen.Dropout(self.rate, deterministic=not train)(jnp.tanh(x))
        return linen.Dense(2)(x)


class NNXNet(nnx.Module):
    """The same in NNX."""

    def __init__(self, rngs, rate=0.5):
        self.layers = nnx.List([nnx.Linear(4, 5, rngs=rngs), nnx.Linear(5, 2, rngs=rngs)])
        self.norm = nnx.BatchNorm(5, momentum=0.9, rngs=rngs)
        self.drop = nnx.Dropout(rate, rngs=rngs)

    def __call__(self, x):
        return self.layers[1](self.drop(jnp.tanh(self.norm(self.layers[0](x)))))


def test_linen_equals_flax_alone(key):
    layer, module = from_linen(Net()), Net()
    params, state = layer.init(key, X)
    assert layer.flags == ("train",)
    assert set(state) == {"batch_stats"}
    variables = {"params": params, "batch_stats": state["batch_stats"]}
    np.testing.assert_array_equal(layer.apply(params, state, X)[0], module.apply(variables, X, train=False))
    y, after = layer.apply(params, state, X, key=key, train=True)
    rngs = {"dropout": jax.random.fold_in(key, 0)}
    expected, changed = module.apply(variables, X, train=True, rngs=rngs, mutable=["batch_stats"])
    np.testing.assert_array_equal(y, expected)
    jax.tree.map(np.testing.assert_array_equal, after["batch_stats"], changed["batch_stats"])


@pytest.mark.parametrize("dtype", [bool, np.float32])
def test_rows_are_the_mask_of_linens_batch_norm(key, dtype):
    real = np.arange(10) < 7
    module = linen.BatchNorm(momentum=0.9, use_running_average=False)
    layer = from_linen(module, flags=())
    params, state = layer.init(key, X)
    y, after = layer.apply(params, state, X, train=True, rows=real.astype(dtype))
    expected, changed = module.apply({"params": params, **state}, X, mask=real[:, None], mutable=["batch_stats"])
    np.testing.assert_array_equal(y, expected)
    jax.tree.map(np.testing.assert_array_equal, after, changed)
    _, alone = layer.apply(params, state, X[:7], train=True)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), after, alone)


def test_nnx_equals_flax_alone(key):
    layer = from_nnx(NNXNet)
    params, state = layer.init(key, X)
    module = NNXNet(nnx.Rngs(key))
    module.eval()
    np.testing.assert_allclose(layer.apply(params, state, X)[0], module(X), rtol=1e-6)
    plain = from_nnx(lambda rngs: NNXNet(rngs, rate=0.0))
    module = NNXNet(nnx.Rngs(key), rate=0.0)
    module.train()
    y, after = plain.apply(params, state, X, key=key, train=True)
    np.testing.assert_allclose(y, module(X), rtol=1e-6)
    np.testing.assert_allclose(after["norm"]["mean"], module.norm.mean[...], rtol=1e-6)
    assert set(state) == {"norm"}


def test_a_module_of_nnx_is_a_start_for_every_seed():
    module = NNXNet(nnx.Rngs(7))
    layer = from_nnx(module)
    (one, _), (two, _) = layer.init(jax.random.key(0), X), jax.jit(layer.init)(jax.random.key(1), X)
    jax.tree.map(np.testing.assert_array_equal, one, two)
    np.testing.assert_array_equal(one["layers"][0]["kernel"], module.layers[0].kernel[...])
    assert layer == layer and from_nnx(module) != layer


@pytest.mark.parametrize("make", [lambda: from_linen(Net()), lambda: from_nnx(NNXNet)], ids=["linen", "nnx"])
def test_drawing_needs_a_key(key, make):
    layer = make()
    params, state = layer.init(key, X)
    with pytest.raises(ValueError, match=r"Net draws random numbers .* write apply\("):
        layer.apply(params, state, X, train=True)
    layer.apply(params, state, X)
    one, two = (layer.apply(params, state, X, key=jax.random.key(i), train=True)[0] for i in (0, 1))
    assert not np.array_equal(one, two)


@pytest.mark.parametrize(
    "layer",
    [
        from_linen(linen.LayerNorm(epsilon=0.1)),
        from_linen(linen.Dense(3)),
        from_nnx(lambda rngs: nnx.Sequential(nnx.Linear(4, 3, rngs=rngs), nnx.tanh, nnx.Dropout(0.3, rngs=rngs))),
    ],
    ids=["norm", "dense", "nnx"],
)
def test_gradients_under_jit_and_vmap(key, layer):
    """Members with parameters, keys and states of their own equal the loop over them."""
    keys = jax.random.split(key, 3)
    start = jax.jit(lambda k: layer.init(k, X))
    params, state = jax.vmap(start)(keys)

    def loss(p, s, k):
        y, s = layer.apply(p, s, X, key=k, train=True)
        return (y**2).sum(), s

    solo = jax.jit(jax.grad(loss, has_aux=True))
    grads, _ = jax.vmap(solo)(params, state, keys)
    for i in range(3):
        one, _ = start(keys[i])
        alone, _ = solo(one, {}, keys[i])
        jax.tree.map(lambda a, b, i=i: np.testing.assert_allclose(a[i], b, rtol=1e-4, atol=1e-5), grads, alone)


def fit(model, **options):
    trial = nn.Trial(model, "softmax_cross_entropy", optax.sgd(0.1))
    return nn.fit(trial, (X, Y), epochs=3, batch_size=4, progress=False, **options)


@pytest.mark.parametrize("kind", ["linen", "nnx"])
def test_fit_equals_our_own_layers(kind):
    """From zeros the last short batch, filled up with padding, moves parameters and statistics as ours does."""
    zeros = linen.initializers.zeros

    class Module(linen.Module):
        @linen.compact
        def __call__(self, x, train: bool):
            x = linen.BatchNorm(use_running_average=not train, momentum=0.9, epsilon=1e-3)(x)
            return linen.Dense(2, kernel_init=zeros)(x)

    if kind == "linen":
        theirs, ours = from_linen(Module()), nn.Sequential(nn.BatchNorm(0.9, 1e-3), nn.Dense(2, kernel_init="zeros"))
    else:
        theirs = from_nnx(lambda rngs: nnx.Linear(4, 2, kernel_init=zeros, rngs=rngs))
        ours = nn.Dense(2, kernel_init="zeros")
    a, b = fit(theirs), fit(ours)
    np.testing.assert_allclose(a.history["loss"], b.history["loss"], rtol=1e-5)
    np.testing.assert_allclose(a.predict_proba(X), b.predict_proba(X), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("make", [lambda: from_linen(Net()), lambda: from_nnx(NNXNet)], ids=["linen", "nnx"])
def test_members_of_a_grid_are_their_fits(make):
    model = make()

    def trial(lr):
        return nn.Trial(model, "softmax_cross_entropy", optax.sgd(lr))

    options = {"epochs": 2, "batch_size": 5, "progress": False}
    runs = nn.grid(trial, (X, Y), {"lr": [0.01, 0.1], "seed": [0, 1]}, **options)
    assert len(runs) == 4
    losses = [float(run.history["loss"][-1]) for run in runs]
    assert len(set(losses)) == 4
    alone = nn.fit(trial, (X, Y), {"lr": 0.1}, seed=1, **options)
    np.testing.assert_allclose(losses[3], alone.history["loss"][-1], rtol=1e-4)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: from_linen(3), TypeError, r"write from_linen\(linen.Dense\(3\)\)"),
        (lambda: from_nnx(3), TypeError, "from_nnx takes a module or a function"),
        (lambda: from_nnx(lambda rngs: 3), TypeError, "must make a module; write"),
        (lambda: from_linen(Net(), flags=("mode",)), ValueError, "the flag 'mode'"),
        (lambda: nn.to_json(from_linen(Net())), ValueError, "module"),
    ],
)
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call()


@pytest.mark.parametrize(
    ("made", "modules", "other"),
    [
        (from_linen(Net()), {"Net": Net()}, {"Net": linen.Dense(3)}),
        (from_linen(Net(), name="encoder"), {"encoder": from_linen(Net())}, {"encoder": Net}),
        (from_nnx(NNXNet), {"NNXNet": NNXNet}, {"NNXNet": lambda rngs: nnx.Linear(4, 2, rngs=rngs)}),
        (from_nnx(NNXNet(nnx.Rngs(0))), {"NNXNet": NNXNet(nnx.Rngs(1))}, {"NNXNet": 3}),
    ],
    ids=["linen", "named", "nnx", "nnx module"],
)
def test_a_saved_model_asks_for_its_module_and_takes_no_other(made, modules, other, tmp_path):
    trial = nn.Trial(nn.Sequential(made, nn.Dense(2)), "softmax_cross_entropy", optax.sgd(0.1))
    run = nn.fit(trial, (X, Y), epochs=1, progress=False)
    run.save(tmp_path / "net")
    back = nn.load(tmp_path / "net", modules=modules)
    np.testing.assert_array_equal(back.predict_proba(X), run.predict_proba(X))
    assert back.evaluate((X, Y)) == run.evaluate((X, Y))
    (name,) = modules
    with pytest.raises(ValueError, match=rf"is the module '{name}', which no file holds; write .*modules={{'{name}'"):
        nn.load(tmp_path / "net")
    with pytest.raises(ValueError, match=rf"'{name}', which no file holds; modules= holds 'net'; write"):
        nn.load(tmp_path / "net", modules={"net": made})
    with pytest.raises(ValueError, match=r"net holds no model that this version of jaxnn can build: \S") as caught:
        nn.load(tmp_path / "net", modules=other)
    assert "\n" not in str(caught.value)


def test_two_modules_of_one_name_are_refused_and_one_module_twice_is_not(tmp_path):
    twice = nn.Sequential(from_linen(linen.Dense(2)), from_linen(linen.Dense(2)))
    trial = nn.Trial(twice, "squared_error", optax.sgd(0.1))
    run = nn.fit(trial, (X, X[:, :2]), epochs=1, progress=False)
    run.save(tmp_path / "twice")
    back = nn.load(tmp_path / "twice", modules={"Dense": linen.Dense(2)})
    np.testing.assert_array_equal(back.predict(X), run.predict(X))
    other = nn.Sequential(from_linen(linen.Dense(3)), from_linen(linen.Dense(2)))
    run = nn.fit(nn.Trial(other, "squared_error", optax.sgd(0.1)), (X, X[:, :2]), epochs=1, progress=False)
    with pytest.raises(ValueError, match=r"a second module called 'Dense'; write from_linen\(module, name='\.\.\.'\)"):
        run.save(tmp_path / "other")


def test_it_is_reached_from_the_front_door_without_importing_flax_before():
    code = (
        "import sys, jaxnn as nn\n"
        "assert 'flax' not in sys.modules\n"
        "assert nn.interop.flax.from_linen and 'flax' in sys.modules\n"
        "try: nn.interop.torch\n"
        "except AttributeError as error: assert 'flax' in str(error)\n"
        "else: raise SystemExit(1)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
