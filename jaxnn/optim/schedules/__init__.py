"""Learning rates, and any other number, as functions of the step: ``nn.schedules.cosine(0.1, decay_steps=1000)``.

A schedule is a function from a step count to a value, and stands wherever Optax takes a learning rate or a schedule.
Names and values are those of ``optax.schedules`` where it has them. Unlike there, every number may be traced: a grid
over warm-up lengths is one program, and `jax.grad` reaches heights and lengths alike. Lengths are in steps of the
optimizer; `in_epochs` makes them epochs.

====================================  ==========================================================================
``constant``                          one value
``linear``, ``polynomial``            from one value to another over so many steps
``exponential``                       times a factor per so many steps, in stairs or smoothly
``inverse_sqrt``                      with the root of the step, without an end
``cosine``                            half a wave down
``piecewise``                         jumps by factors at given steps; ``piecewise_interpolate`` glides between them
``warmup_constant``, ``_linear``,     the same after a linear warm-up
``_cosine``, ``_exponential``,
``_inverse_sqrt``
``one_cycle``, ``linear_one_cycle``   up and down once
``cyclic``                            up and down again and again
``cosine_restarts``, ``sgdr``         cosines that start again, by a rule or one by one
``join``                              any schedules one after the other
``in_epochs``                         a schedule whose lengths are epochs
====================================  ==========================================================================
"""

from jaxnn.optim.schedules.cycle import cosine_restarts as cosine_restarts
from jaxnn.optim.schedules.cycle import cyclic as cyclic
from jaxnn.optim.schedules.cycle import linear_one_cycle as linear_one_cycle
from jaxnn.optim.schedules.cycle import one_cycle as one_cycle
from jaxnn.optim.schedules.cycle import sgdr as sgdr
from jaxnn.optim.schedules.decay import constant as constant
from jaxnn.optim.schedules.decay import cosine as cosine
from jaxnn.optim.schedules.decay import exponential as exponential
from jaxnn.optim.schedules.decay import inverse_sqrt as inverse_sqrt
from jaxnn.optim.schedules.decay import linear as linear
from jaxnn.optim.schedules.decay import polynomial as polynomial
from jaxnn.optim.schedules.joined import in_epochs as in_epochs
from jaxnn.optim.schedules.joined import join as join
from jaxnn.optim.schedules.piecewise import piecewise as piecewise
from jaxnn.optim.schedules.piecewise import piecewise_interpolate as piecewise_interpolate
from jaxnn.optim.schedules.warmup import warmup_constant as warmup_constant
from jaxnn.optim.schedules.warmup import warmup_cosine as warmup_cosine
from jaxnn.optim.schedules.warmup import warmup_exponential as warmup_exponential
from jaxnn.optim.schedules.warmup import warmup_inverse_sqrt as warmup_inverse_sqrt
from jaxnn.optim.schedules.warmup import warmup_linear as warmup_linear
