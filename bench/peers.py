"""One network on the digits, 64-100-100-10, ReLU, Adam, batch 32, L2 1e-4 times the sum of squares, in every library.

Each function imports its library, trains, and returns a function from rows to class numbers.
"""

import functools
import os
import warnings

import numpy as np

BATCH = 32


@functools.cache
def digits(standard=True):
    """Digits, standardised or from 0 to 1: 1,437 training rows, 360 test rows."""
    from jaxnn import data

    digits = data.load("digits")
    train, test = data.holdout(len(digits.y), 360 / 1797, seed=0, labels=digits.y)
    scaled = data.standardise(digits.x[train]).transform(digits.x) if standard else digits.x / 16
    x = np.asarray(scaled, np.float32)
    return x[train], np.asarray(digits.y)[train], x[test], np.asarray(digits.y)[test]


def trial(lr, l2):
    import optax

    import jaxnn as nn

    optimizer = optax.chain(nn.l2(l2), optax.adam(lr))
    return nn.Trial(nn.mlp((100, 100), out=10), "softmax_cross_entropy", optimizer)


def jaxnn(x, y, lr=1e-3, l2=1e-4, epochs=50, seed=0):
    import jaxnn as nn

    run = nn.fit(trial, (x, y), {"lr": lr, "l2": l2}, epochs=epochs, batch_size=BATCH, seed=seed, progress=False)
    return run.predict


def scikit_learn(x, y, lr=1e-3, l2=1e-4, epochs=50, seed=0):
    from sklearn.neural_network import MLPClassifier

    # scikit-learn adds alpha / (2 rows of the batch) times the sum of squares.
    model = MLPClassifier(
        (100, 100), alpha=2 * BATCH * l2, batch_size=BATCH, learning_rate_init=lr, max_iter=epochs,
        tol=0.0, n_iter_no_change=10**9, random_state=seed,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(x, y)
    return model.predict


def pytorch(x, y, lr=1e-3, l2=1e-4, epochs=50, seed=0):
    import torch

    torch.manual_seed(seed)
    layers = [torch.nn.Linear(64, 100), torch.nn.ReLU(), torch.nn.Linear(100, 100), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers, torch.nn.Linear(100, 10))
    kernels = [p for p in model.parameters() if p.ndim == 2]
    biases = [p for p in model.parameters() if p.ndim == 1]
    optimizer = torch.optim.Adam([{"params": kernels, "weight_decay": 2 * l2}, {"params": biases}], lr=lr)
    loss = torch.nn.CrossEntropyLoss()
    rows, labels = torch.from_numpy(x), torch.from_numpy(y.astype(np.int64))
    for _ in range(epochs):
        order = torch.randperm(len(rows))
        for i in range(0, len(rows), BATCH):
            batch = order[i : i + BATCH]
            optimizer.zero_grad()
            loss(model(rows[batch]), labels[batch]).backward()
            optimizer.step()
    return lambda new: model(torch.from_numpy(new)).argmax(1).numpy()


def keras_jax(x, y, lr=1e-3, l2=1e-4, epochs=50, seed=0):
    os.environ["KERAS_BACKEND"] = "jax"
    import keras

    keras.utils.set_random_seed(seed)
    dense = functools.partial(keras.layers.Dense, kernel_regularizer=keras.regularizers.L2(l2))
    model = keras.Sequential([dense(100, activation="relu"), dense(100, activation="relu"), dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(lr), loss=loss)
    model.fit(x, y, batch_size=BATCH, epochs=epochs, verbose=0)
    return lambda new: model.predict(new, verbose=0).argmax(1)


def flax_optax(x, y, lr=1e-3, l2=1e-4, epochs=50, seed=0):
    import jax
    import jax.numpy as jnp

    model, step, optimizer = _flax_step()
    params = model.init(jax.random.key(seed), x[:1])
    state = optimizer(lr).init(params)
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for i in range(0, len(x), BATCH):
            batch = order[i : i + BATCH]
            params, state = step(params, state, x[batch], y[batch], lr, l2)
    jax.block_until_ready(params)
    return lambda new: np.asarray(jnp.argmax(model.apply(params, new), 1))


@functools.cache
def _flax_step():
    import flax.linen as linen
    import jax
    import jax.numpy as jnp
    import optax

    class Net(linen.Module):
        @linen.compact
        def __call__(self, x):
            x = linen.relu(linen.Dense(100)(x))
            return linen.Dense(10)(linen.relu(linen.Dense(100)(x)))

    model = Net()

    def loss(params, x, y, l2):
        data = optax.softmax_cross_entropy_with_integer_labels(model.apply(params, x), y).mean()
        return data + l2 * sum(jnp.sum(w**2) for w in jax.tree.leaves(params) if w.ndim == 2)

    @jax.jit
    def step(params, state, x, y, lr, l2):
        updates, state = optax.adam(lr).update(jax.grad(loss)(params, x, y, l2), state, params)
        return optax.apply_updates(params, updates), state

    return model, step, optax.adam


PEERS = {
    "jaxnn": (jaxnn, "jaxnn"),
    "scikit-learn": (scikit_learn, "sklearn"),
    "PyTorch, eager": (pytorch, "torch"),
    "Keras on JAX": (keras_jax, "keras"),
    "Flax + Optax, hand-written loop": (flax_optax, "flax"),
}
