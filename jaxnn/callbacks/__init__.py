"""What may be called between epochs: ``callbacks=[...]`` of `fit` and `grid`, and `Population.advance`.

A callback is any function ``(population, epoch, row)``: the population that trains, how many epochs are done, and the
metrics of the last of them by name, ``(members,)``. It may stop members, ``population.stop([3])``, or look at
``population.run(0)``. Those here write logs and checkpoints and measure how busy
the devices are; `every` lets any function be called more seldom.
"""

from jaxnn.callbacks.checkpoint import checkpoint as checkpoint
from jaxnn.callbacks.every import every as every
from jaxnn.callbacks.logs import log_csv as log_csv
from jaxnn.callbacks.logs import log_jsonl as log_jsonl
from jaxnn.callbacks.tensorboard import tensorboard as tensorboard
from jaxnn.callbacks.utilisation import utilisation as utilisation
