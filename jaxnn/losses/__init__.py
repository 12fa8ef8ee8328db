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

from jaxnn.core.records import TASKS as TASKS
from jaxnn.core.records import Loss as Loss
from jaxnn.losses.alignment import ctc as ctc
from jaxnn.losses.angles import cosine_distance as cosine_distance
from jaxnn.losses.divergence import kl_divergence as kl_divergence
from jaxnn.losses.entropy import sigmoid_cross_entropy as sigmoid_cross_entropy
from jaxnn.losses.entropy import softmax_cross_entropy as softmax_cross_entropy
from jaxnn.losses.errors import absolute_error as absolute_error
from jaxnn.losses.errors import half_squared_error as half_squared_error
from jaxnn.losses.errors import squared_error as squared_error
from jaxnn.losses.focus import focal as focal
from jaxnn.losses.focus import softmax_focal as softmax_focal
from jaxnn.losses.gaussian import gaussian_nll as gaussian_nll
from jaxnn.losses.ignoring import ignoring as ignoring
from jaxnn.losses.margins import hinge as hinge
from jaxnn.losses.margins import perceptron as perceptron
from jaxnn.losses.names import resolve as resolve
from jaxnn.losses.quantiles import quantile as quantile
from jaxnn.losses.ranking import bradley_terry as bradley_terry
from jaxnn.losses.ranking import triplet as triplet
from jaxnn.losses.rates import poisson as poisson
from jaxnn.losses.robust import huber as huber
from jaxnn.losses.robust import log_cosh as log_cosh
from jaxnn.losses.shapes import check_labels as check_labels
from jaxnn.losses.shapes import fit_shapes as fit_shapes
from jaxnn.losses.softened import label_smoothing as label_smoothing
