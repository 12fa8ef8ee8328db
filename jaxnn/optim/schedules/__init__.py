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

from jaxnn.optim.schedules.cycle import cosine_restarts, cyclic, linear_one_cycle, one_cycle, sgdr
from jaxnn.optim.schedules.decay import constant, cosine, exponential, inverse_sqrt, linear, polynomial
from jaxnn.optim.schedules.joined import in_epochs, join
from jaxnn.optim.schedules.piecewise import piecewise, piecewise_interpolate
from jaxnn.optim.schedules.warmup import (
    warmup_constant,
    warmup_cosine,
    warmup_exponential,
    warmup_inverse_sqrt,
    warmup_linear,
)
