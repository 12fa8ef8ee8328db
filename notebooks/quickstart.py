# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From one network to a hundred
#
# This notebook trains one small network on handwritten digits, then 128 of them in one XLA program, looks at what
# learning rate and L2 do, and joins the best five. It takes well under a minute on a laptop's CPU.

# %% tags=["hide-cell"]
import importlib
import importlib.metadata
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ADDRESS = ""  # where jaxnn is fetched from outside a copy of its repository, such as "git+https://..."
OLDEST = "0.10.1"  # the oldest jax that will do

# What this runtime has fitted to its GPU or TPU stays as it is: pip may add to it, and move nothing of it.
fitted = re.compile(r"(jax|jaxlib|libtpu|(jax[-_](cuda|rocm)|nvidia[-_]).*)$").match
packages = reversed(list(importlib.metadata.distributions()))  # of two of a name Python takes the first
held = {p.metadata["Name"]: p.version for p in packages if fitted(p.metadata["Name"] or "")}


def parts(version):
    return [int(part) for part in re.findall(r"\d+", version)[:3]]


if parts(held.get("jax", OLDEST)) < parts(OLDEST):
    raise RuntimeError(
        f"this runtime has jax {held['jax']}, and jaxnn needs {OLDEST} or later; choose a newer runtime, or write "
        "%pip install -U 'jax[cuda12]' (on a TPU 'jax[tpu]') and restart it"
    )
try:
    import jaxnn.grid.plan  # a file of this jaxnn; the package index has another of that name
except ModuleNotFoundError:
    here = Path.cwd().resolve()
    copy = next((folder for folder in (here, *here.parents) if (folder / "jaxnn/grid/plan.py").exists()), None)
    source = copy.as_uri() if copy else ADDRESS
    if not source:
        raise ModuleNotFoundError(
            "jaxnn is not installed, and this notebook does not lie in a copy of its repository; "
            "write the address of one in ADDRESS above, or open the notebook where it lies"
        ) from None
    constraints = Path(tempfile.mkdtemp(), "constraints.txt")
    constraints.write_text("".join(f"{name}=={version}\n" for name, version in held.items()))
    pip = [sys.executable, "-m", "pip", "install", "-q", "-c", str(constraints)]
    subprocess.run([*pip, f"jaxnn-grid[all] @ {source}"], check=True)
    importlib.invalidate_caches()
    sys.modules.pop("jaxnn", None)

# %%
import numpy as np
import optax

import jaxnn as nn

nn.configure(cpu_devices="auto", compilation_cache=True)  # every core a device; compiled programs are kept

# %% [markdown]
# ## The data
#
# 1,797 images of 8 x 8 pixels. A fifth is put aside now and looked at only at the end: no network sees these 360 rows.

# %%
digits = nn.data.load("digits")
train, test = nn.data.holdout(len(digits.y), 0.2, seed=0, labels=digits.y)
x, y = digits.x[train], digits.y[train]
x_test, y_test = digits.x[test], digits.y[test]
assert (len(x), len(x_test)) == (1437, 360)


# %% [markdown]
# ## A trial
#
# A trial is a function from hyperparameters to a model, a loss and an optimizer. The floats among its arguments are
# inputs of the compiled program: another value compiles nothing again.


# %%
def trial(lr, l2, hidden=(64,)):
    return nn.Trial(
        model=nn.mlp(hidden, out=10),
        loss="softmax_cross_entropy",
        optimizer=optax.chain(nn.l2(l2), optax.adam(lr)),
    )


options = {"epochs": 30, "batch_size": 32, "validation": 0.2, "standardise": True, "progress": False}
run = nn.fit(trial, (x, y), {"lr": 1e-3, "l2": 1e-4}, **options)
run

# %% [markdown]
# The network has 64 x 64 + 64 + 64 x 10 + 10 = 4,810 parameters, in a plain dict of arrays.

# %%
assert sum(leaf.size for layer in run.params.values() for leaf in layer.values()) == 4810
{name: {k: v.shape for k, v in layer.items()} for name, layer in run.params.items()}

# %%
from jaxnn.plot.curves import curves

curves(run.history, "loss")
# %% [markdown]
# More than nine in ten validation digits are right. A second fit with another learning rate compiles nothing.

# %%
again = nn.fit(trial, (x, y), {"lr": 3e-3, "l2": 1e-4}, **options)
assert run.metrics["val_accuracy"] > 0.9
assert again.timing["compiles"] == 0

# %% [markdown]
# ## A hundred and more
#
# Eight learning rates, four strengths of L2 and four seeds are 128 networks. They share one program, which is
# compiled once: one compilation to initialise and one to train.

# %%
space = {"lr": nn.logspace(1e-4, 1e-1, 8), "l2": [0, 1e-5, 1e-4, 1e-3], "seed": range(4)}
runs = nn.grid(trial, (x, y), space, **options)
assert len(runs) == 128
assert runs.n_compiles == 2
runs.plan

# %%
runs.to_pandas().sort_values("val_accuracy", ascending=False).head(10)

# %% [markdown]
# Where do good networks live? The map shows the mean validation accuracy of four seeds.

# %%
runs.plot.heatmap("lr", "l2", "val_accuracy", how="mean")
# %% [markdown]
# The smallest learning rate is too slow for 30 epochs and the largest is too rough: the best mean lies between them.

# %%
table = runs.to_pandas().groupby("lr").val_accuracy.mean()
assert table.index[0] < table.idxmax() < table.index[-1]
table.round(4)

# %% [markdown]
# ## A member is its solo run
#
# Run number 17 of the grid, trained alone again, is the same network.

# %%
alone = runs.replay(17)
np.testing.assert_allclose(alone.history["val_loss"], runs[17].history["val_loss"], rtol=1e-3)

# %% [markdown]
# ## Five as one
#
# The logarithm is concave, so the mean of the probabilities of the best five never has a larger log loss than the five
# have on average: several networks are better than one drawn among them.


# %%
def log_loss(model):
    return -np.log(model.predict_proba(x_test)[np.arange(len(y_test)), y_test]).mean()


five = runs.top(5, "val_accuracy")
single, together = [log_loss(r) for r in five], log_loss(five.ensemble())
accuracy = five.ensemble().evaluate((x_test, y_test))["accuracy"]
assert together <= np.mean(single)
assert accuracy > 0.95
single, together, accuracy

# %% [markdown]
# ## Take it along
#
# One file holds the weights, the architecture and the standardisation. Nothing in it is code.

# %%
import tempfile
from pathlib import Path

path = Path(tempfile.mkdtemp()) / "winner.safetensors"
five[0].save(path)
loaded = nn.load(path)
assert (loaded.predict(x_test) == five[0].predict(x_test)).all()
