"""Rows of outputs and targets on which losses are tried."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

_DRAW = np.random.default_rng(0)
LOGITS, LABELS = 3 * _DRAW.normal(size=(7, 4)).astype(np.float32), _DRAW.integers(0, 4, 7)
SCORES, BINARY = 3 * _DRAW.normal(size=7).astype(np.float32), np.array([0, 1, 1, 0, 1, 0, 0])
OUTPUTS, TARGETS = _DRAW.normal(size=(7, 3)).astype(np.float32), _DRAW.normal(size=(7, 3)).astype(np.float32)
WIDTHS = st.integers(-300, 300).map(lambda n: n / 10)
ROWS = hnp.arrays(np.float32, (5, 3), elements=WIDTHS)
