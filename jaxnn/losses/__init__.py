"""Losses, per example: ``(outputs, targets) -> (batch,)``; Optax's where Optax has them.

A loss is given to a `Trial` by its name, as a function, or as a spec whose numbers are traced, such as
``nn.losses.huber(delta)``. Class labels are whole numbers ``(batch,)``, binary labels are 0 and 1 (or -1 and 1 for
`hinge` and `perceptron`). Outputs ``(batch, 1)`` meet targets ``(batch,)``. One's own are made by `jaxnn.loss`.

=====================  ============================================================================================
of classes             softmax_cross_entropy, label_smoothing, softmax_focal, kl_divergence
of yes or no           sigmoid_cross_entropy, focal; of scores whose sign decides: hinge, perceptron
of values              squared_error, half_squared_error, absolute_error, huber, log_cosh, quantile, cosine_distance
of distributions       poisson (counts), gaussian_nll (means and variances)
of comparisons         bradley_terry, triplet
of sequences           ctc
with an ignored label  ignoring, around one of classes or of yes or no
=====================  ============================================================================================
"""

from jaxnn.core.records import TASKS, Loss
from jaxnn.losses.alignment import ctc
from jaxnn.losses.angles import cosine_distance
from jaxnn.losses.divergence import kl_divergence
from jaxnn.losses.entropy import sigmoid_cross_entropy, softmax_cross_entropy
from jaxnn.losses.errors import absolute_error, half_squared_error, squared_error
from jaxnn.losses.focus import focal, softmax_focal
from jaxnn.losses.gaussian import gaussian_nll
from jaxnn.losses.ignoring import ignoring
from jaxnn.losses.margins import hinge, perceptron
from jaxnn.losses.names import resolve
from jaxnn.losses.quantiles import quantile
from jaxnn.losses.ranking import bradley_terry, triplet
from jaxnn.losses.rates import poisson
from jaxnn.losses.robust import huber, log_cosh
from jaxnn.losses.shapes import check_labels, fit_shapes
from jaxnn.losses.softened import label_smoothing
