"""Losses, per example: ``(outputs, targets) -> (batch,)``; Optax's where Optax has them.

A loss is given to a `Trial` by its name, as a function, or as a spec whose numbers are traced, such as
``nn.losses.huber(delta)``. Class labels are whole numbers ``(batch,)``, binary labels are 0 and 1 (or -1 and 1 for
`hinge` and `perceptron`). Outputs ``(batch, 1)`` meet targets ``(batch,)``.
"""

from jaxnn.core.records import TASKS, Loss
from jaxnn.losses.entropy import sigmoid_cross_entropy, softmax_cross_entropy
from jaxnn.losses.errors import absolute_error, half_squared_error, squared_error
from jaxnn.losses.ignoring import ignoring
from jaxnn.losses.margins import hinge, perceptron
from jaxnn.losses.names import resolve
from jaxnn.losses.robust import huber, log_cosh
from jaxnn.losses.shapes import check_labels, fit_shapes
