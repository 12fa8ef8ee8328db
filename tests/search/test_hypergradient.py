"""The gradient of a whole training: the memory that it takes."""

import numpy as np
import optax

import jaxnn as nn
from jaxnn.train.program import Program

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 4))
Y = X.sum(1)


def trial(l2):
    return nn.Trial(nn.linear_regression(), "squared_error", optax.chain(nn.l2(l2), optax.sgd(0.01, momentum=0.9)))


def test_memory_grows_with_the_root_of_the_epochs(monkeypatch):
    taken, ready = [], Program.ready

    def measured(self, *args):
        finish = ready(self, *args)

        def finished():
            program, new = finish()
            taken.append(program.memory_analysis().temp_size_in_bytes)
            return program, new

        return finished

    monkeypatch.setattr(Program, "ready", measured)
    for epochs in (16, 1024):
        nn.descend(trial, (X, Y), {"l2": 1e-3}, epochs=epochs, steps=1, batch_size=6, validation=0.25, progress=False)
    few, many = taken[0], taken[-1]
    assert few < many < 10 * few
