"""One step against PyTorch's, weights and all."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(6, 3)).astype(np.float32), RNG.normal(size=6).astype(np.float32)
W = np.array([50, 1, 1, 0, 2, 1], np.float32)
SGD = nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(0.1))


def test_a_step_is_pytorchs_under_sample_weights():
    torch = pytest.importorskip("torch")
    state = nn.init(SGD, jax.random.key(0, impl="threefry2x32"), jnp.asarray(X))
    after, _ = nn.step(SGD, state, (X, Y, W))
    layer = torch.nn.Linear(3, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(np.asarray(state.params["kernel"]).T))
        layer.bias.copy_(torch.tensor(np.asarray(state.params["bias"])))
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    (torch.tensor(W) * (layer(torch.tensor(X))[:, 0] - torch.tensor(Y)) ** 2).mean().backward()
    optimizer.step()
    np.testing.assert_allclose(after.params["kernel"], layer.weight.detach().numpy().T, rtol=1e-5)
    np.testing.assert_allclose(after.params["bias"], layer.bias.detach().numpy(), rtol=1e-5)
