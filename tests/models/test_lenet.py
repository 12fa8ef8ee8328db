"""LeNet: its sizes, its sum against PyTorch, and what it learns of the digits."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.core.tree import count

KEY = jax.random.key(0, impl="threefry2x32")


def test_the_sizes_of_lenet_5():
    model = nn.lenet(10, padding=("same", "valid"))
    params, _ = jax.eval_shape(model.init, KEY, jax.ShapeDtypeStruct((1, 28, 28, 1), jnp.float32))
    assert count(params) == 61706
    assert params["dense_0"]["kernel"].shape == (400, 120)


@pytest.mark.parametrize("size", [8, 28, 32])
def test_takes_images_of_several_sizes(size):
    x = jax.ShapeDtypeStruct((2, size, size, 3), jnp.float32)
    params, state = jax.eval_shape(nn.lenet(7).init, KEY, x)
    assert jax.eval_shape(nn.lenet(7).apply, params, state, x)[0].shape == (2, 7)


def test_equals_the_same_network_in_torch():
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).normal(size=(2, 28, 28, 1)).astype(np.float32)
    model = nn.lenet(10, padding=("same", "valid"), activation="tanh")
    params, _ = jax.jit(model.init)(KEY, x)
    theirs = torch.nn.Sequential(
        *(torch.nn.Conv2d(1, 6, 5, padding=2), torch.nn.Tanh(), torch.nn.MaxPool2d(2)),
        *(torch.nn.Conv2d(6, 16, 5), torch.nn.Tanh(), torch.nn.MaxPool2d(2), torch.nn.Flatten()),
        *(torch.nn.Linear(400, 120), torch.nn.Tanh(), torch.nn.Linear(120, 84), torch.nn.Tanh()),
        torch.nn.Linear(84, 10),
    )
    p = jax.tree.map(np.asarray, params)
    first = p["dense_0"]["kernel"].reshape(5, 5, 16, 120).transpose(2, 0, 1, 3).reshape(400, 120)
    kernels = [p[f"conv_{i}"]["kernel"].transpose(3, 2, 0, 1) for i in (0, 1)]
    kernels += [first.T, p["dense_1"]["kernel"].T, p["dense_2"]["kernel"].T]
    names = ("conv_0", "conv_1", "dense_0", "dense_1", "dense_2")
    with torch.no_grad():
        for module, kernel, name in zip([m for m in theirs if hasattr(m, "weight")], kernels, names, strict=True):
            module.weight.copy_(torch.tensor(kernel.copy()))
            module.bias.copy_(torch.tensor(p[name]["bias"]))
    y, _ = jax.jit(model.apply)(params, {}, x)
    np.testing.assert_allclose(y, theirs(torch.tensor(x.transpose(0, 3, 1, 2).copy())).detach(), rtol=1e-5, atol=1e-5)


def test_wrong_arguments_are_told():
    with pytest.raises(ValueError, match="as many paddings"):
        nn.lenet(10, padding=("same",))
    with pytest.raises(ValueError, match="hidden width"):
        nn.lenet(10, hidden=(0,))


@pytest.mark.slow
def test_reaches_0985_on_the_digits_as_images():
    data = nn.data.load("digits")
    x = (np.asarray(data.x, np.float32) / 16).reshape(-1, 8, 8, 1)
    order = np.random.default_rng(0).permutation(len(x))
    train, test = order[360:], order[:360]

    def digits(dropout):
        model = nn.lenet(10, filters=(16, 32), kernel_size=3, dropout=dropout)
        rate = optax.cosine_decay_schedule(1e-2, 30 * 45)  # 30 epochs of 45 batches
        return nn.Trial(model, "softmax_cross_entropy", optax.adam(rate), metrics=("accuracy",))

    runs = nn.grid(
        digits,
        (x[train], data.y[train]),
        {"dropout": [0.3], "seed": range(3)},
        epochs=30,
        batch_size=32,
        validation=(x[test], data.y[test]),
        progress=False,
    )
    assert np.mean([run.history["val_accuracy"][-1] for run in runs]) >= 0.985
