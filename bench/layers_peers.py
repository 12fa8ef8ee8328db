"""The training steps of `layers.py` as users of PyTorch, Flax linen and Keras write them.

Each function returns one that does ``steps`` steps of forward, backward and Adam on the batch ``(x, y)``.
"""

import itertools

VOCAB, CONTEXT, WIDTH, HEADS, LAYERS = 96, 64, 128, 4, 4


def pytorch(task, x, y, steps):
    import torch
    from torch import nn

    class LSTM(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.head = nn.LSTM(64, 128, batch_first=True), nn.Linear(128, 10)

        def forward(self, x):
            return self.head(self.lstm(x)[0][:, -1])

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norms = nn.ModuleList([nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)])
            self.project, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
            self.mlp = nn.Sequential(
                nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(approximate="tanh"), nn.Linear(4 * WIDTH, WIDTH)
            )

        def forward(self, x):
            batch, time, width = x.shape
            parts = self.project(self.norms[0](x)).split(width, 2)
            q, k, v = (z.view(batch, time, HEADS, width // HEADS).transpose(1, 2) for z in parts)
            y = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.out(y.transpose(1, 2).reshape(batch, time, width))
            return x + self.mlp(self.norms[1](x))

    class GPT(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.positions = nn.Embedding(VOCAB, WIDTH), nn.Embedding(CONTEXT, WIDTH)
            self.blocks, self.norm = nn.Sequential(*[Block() for _ in range(LAYERS)]), nn.LayerNorm(WIDTH)

        def forward(self, x):
            y = self.embed(x) + self.positions(torch.arange(x.shape[1]))
            return (self.norm(self.blocks(y)) @ self.embed.weight.T).transpose(1, 2)

    def lenet():
        return nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
        )  # fmt: skip

    def mlp():
        sizes = [784, 1024, 1024, 1024]
        layers = [m for a, b in itertools.pairwise(sizes) for m in (nn.Linear(a, b), nn.ReLU())]
        return nn.Sequential(*layers, nn.Linear(1024, 10))

    torch.manual_seed(0)
    model = {"lenet": lenet, "lstm": LSTM, "gpt": GPT, "mlp": mlp}[task]()
    x, y = torch.from_numpy(x), torch.from_numpy(y).long()
    x = x.permute(0, 3, 1, 2).contiguous() if task == "lenet" else x  # PyTorch's own order
    optimizer, loss = torch.optim.Adam(model.parameters(), lr=1e-3), nn.CrossEntropyLoss()

    def run():
        for _ in range(steps):
            optimizer.zero_grad()
            loss(model(x), y).backward()
            optimizer.step()

    return run


def flax_linen(task, x, y, steps):
    import flax.linen as nn
    import jax
    import jax.numpy as jnp
    import optax

    class LeNet(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = nn.max_pool(nn.relu(nn.Conv(6, (5, 5))(x)), (2, 2), (2, 2))
            x = nn.max_pool(nn.relu(nn.Conv(16, (5, 5), padding="VALID")(x)), (2, 2), (2, 2))
            x = x.reshape(x.shape[0], -1)
            return nn.Dense(10)(nn.relu(nn.Dense(84)(nn.relu(nn.Dense(120)(x)))))

    class LSTM(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.Dense(10)(nn.RNN(nn.OptimizedLSTMCell(128))(x)[:, -1])

    class GPT(nn.Module):
        @nn.compact
        def __call__(self, x):
            embed = nn.Embed(VOCAB, WIDTH)
            y = embed(x) + nn.Embed(CONTEXT, WIDTH)(jnp.arange(x.shape[1]))
            mask = nn.make_causal_mask(x)
            for _ in range(LAYERS):
                y = y + nn.MultiHeadDotProductAttention(HEADS)(nn.LayerNorm()(y), mask=mask)
                y = y + nn.Dense(WIDTH)(nn.gelu(nn.Dense(4 * WIDTH)(nn.LayerNorm()(y))))
            return embed.attend(nn.LayerNorm()(y))

    class MLP(nn.Module):
        @nn.compact
        def __call__(self, x):
            for _ in range(3):
                x = nn.relu(nn.Dense(1024)(x))
            return nn.Dense(10)(x)

    model = {"lenet": LeNet, "lstm": LSTM, "gpt": GPT, "mlp": MLP}[task]()
    x, y = jax.device_put(x), jax.device_put(y)
    params, optimizer = model.init(jax.random.key(0), x), optax.adam(1e-3)
    state = optimizer.init(params)

    def loss(params, x, y):
        return optax.softmax_cross_entropy_with_integer_labels(model.apply(params, x), y).mean()

    @jax.jit
    def step(params, state, x, y):
        updates, state = optimizer.update(jax.grad(loss)(params, x, y), state, params)
        return optax.apply_updates(params, updates), state

    def run():
        nonlocal params, state
        for _ in range(steps):
            params, state = step(params, state, x, y)
        jax.block_until_ready(params)

    return run


def keras_jax(task, x, y, steps):
    import keras
    import numpy as np
    from keras import layers

    def gpt():
        class Positions(layers.Layer):
            def build(self, shape):
                self.table = self.add_weight(shape=(CONTEXT, WIDTH), initializer="uniform")

            def call(self, x):
                return x + self.table

        ids = keras.Input((CONTEXT,), dtype="int32")
        embed = layers.ReversibleEmbedding(VOCAB, WIDTH) if hasattr(layers, "ReversibleEmbedding") else None
        y = Positions()((embed or layers.Embedding(VOCAB, WIDTH))(ids))
        for _ in range(LAYERS):
            z = layers.LayerNormalization()(y)
            y = y + layers.MultiHeadAttention(HEADS, WIDTH // HEADS)(z, z, use_causal_mask=True)
            z = layers.Dense(4 * WIDTH, activation="gelu")(layers.LayerNormalization()(y))
            y = y + layers.Dense(WIDTH)(z)
        y = layers.LayerNormalization()(y)
        return keras.Model(ids, embed(y, reverse=True) if embed else layers.Dense(VOCAB, use_bias=False)(y))

    def lenet():
        return keras.Sequential([
            layers.Conv2D(6, 5, padding="same", activation="relu"), layers.MaxPooling2D(2),
            layers.Conv2D(16, 5, activation="relu"), layers.MaxPooling2D(2), layers.Flatten(),
            layers.Dense(120, activation="relu"), layers.Dense(84, activation="relu"), layers.Dense(10),
        ])  # fmt: skip

    def mlp():
        return keras.Sequential([*[layers.Dense(1024, activation="relu") for _ in range(3)], layers.Dense(10)])

    def lstm():
        return keras.Sequential([layers.LSTM(128), layers.Dense(10)])

    keras.utils.set_random_seed(0)
    model = {"lenet": lenet, "lstm": lstm, "gpt": gpt, "mlp": mlp}[task]()
    model.compile(keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    many_x, many_y = np.concatenate([x] * steps), np.concatenate([y] * steps)

    def run():
        model.fit(many_x, many_y, batch_size=len(x), epochs=1, verbose=0, shuffle=False)

    return run
