"""Rows of outputs and targets on which metrics are tried."""

import numpy as np
from hypothesis import strategies as st

_DRAW = np.random.default_rng(0)
LOGITS, LABELS = _DRAW.normal(size=(40, 5)).astype(np.float32), _DRAW.integers(0, 5, 40)
SCORES, BINARY = _DRAW.normal(size=40).astype(np.float32), _DRAW.integers(0, 2, 40)
WEIGHTS = _DRAW.uniform(0, 2, 40).astype(np.float32)
HALVES = st.integers(-8, 8).map(lambda n: n / 2)
