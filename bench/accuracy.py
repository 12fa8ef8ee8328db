"""What do convolution, recurrence and attention reach on the digits? ``python bench/accuracy.py``: three seeds each.

The three seeds of a model train as one grid; the 360 test rows are those of `one_fit.py`, and no choice looks at them.
"""

import statistics
import time

import numpy as np
import optax
from common import machine, save
from peers import digits

import jaxnn as nn

TARGETS = {"lenet": 0.985, "lstm, row by row": 0.96, "transformer encoder, row by row": 0.96}


def lenet(lr, dropout):
    model = nn.lenet(10, filters=(16, 32), kernel_size=3, dropout=dropout)
    return nn.Trial(model, "softmax_cross_entropy", optax.adam(lr), metrics=("accuracy",))


def lstm(lr, dropout):
    model = nn.rnn_classifier(96, out=10, dropout=dropout)
    return nn.Trial(model, "softmax_cross_entropy", optax.adam(lr), metrics=("accuracy",))


def encoder(lr, dropout):
    model = nn.transformer_encoder(64, heads=4, layers=2, out=10, dropout=dropout)
    return nn.Trial(model, "softmax_cross_entropy", optax.adam(lr), metrics=("accuracy",))


def main() -> None:
    """Print a table of accuracies and seconds and write the JSON."""
    print(machine() + "\n")
    x, y, x_test, y_test = digits(standard=False)
    rows = {
        "lenet": (lenet, (-1, 8, 8, 1), {"lr": 3e-3, "dropout": 0.3, "seed": range(3)}, 30),
        "lstm, row by row": (lstm, (-1, 8, 8), {"lr": 3e-3, "dropout": 0.2, "seed": range(3)}, 60),
        "transformer encoder, row by row": (encoder, (-1, 8, 8), {"lr": 2e-3, "dropout": 0.1, "seed": range(3)}, 60),
    }
    print("| model | test accuracy, mean of 3 seeds | each | asked | seconds for the three, with compilation |")
    print("|---|---|---|---|---|")
    results = {}
    for name, (trial, shape, space, epochs) in rows.items():
        started = time.perf_counter()
        runs = nn.grid(trial, (x.reshape(shape), y), space, epochs=epochs, batch_size=32, progress=False)
        scores = [float(np.mean(run.predict(x_test.reshape(shape)) == y_test)) for run in runs]
        seconds = time.perf_counter() - started
        each = ", ".join(f"{s:.4f}" for s in scores)
        print(f"| {name} | {statistics.mean(scores):.4f} | {each} | {TARGETS[name]} | {seconds:.0f} |", flush=True)
        results[name] = {"accuracy": scores, "seconds": seconds, "asked": TARGETS[name]}
    save("accuracy", results)


if __name__ == "__main__":
    main()
