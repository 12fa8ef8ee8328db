"""Penalties, decay, schedules, plateaus and averages as Optax transformations, every number of which may be traced.

An optimizer is a chain: what comes first sees the gradient, what comes last sees the step. ::

    optax.chain(
        nn.clip_by_norm(1.0),            # 1. gradients are bounded
        nn.l2(1e-4),                     # 2. penalties add their slope
        optax.adam(rate),                # 3. the optimizer makes a step of it
        nn.plateau(0.5, patience=5),     # 4. the step shrinks when a metric stands still
        nn.decay(1e-2, rate),            # 5. decay and proximal steps move the weights past the optimizer
        nn.ema(0.999),                   # 6. averages look at the weights after all that
    )

**Which penalty.** All choose their leaves by name, kernels and embeddings unless told otherwise with ``where``.

=========================================  ====================================================================
to keep weights small                      ``l2(c)``: loss ``+ c sum w^2``
the same for large Adam models             ``decay(c, rate)``: ``w -= rate c w`` past the optimizer, AdamW
a few nonzero weights, SGD                 ``proximal_l1(c, rate)``, last: loss ``+ c sum |w|``, zeros are exact
the same with momentum ``m``               ``proximal_l1(c, rate / (1 - m))``
the same with Adam                         ``proximal_adam(rate, l1=c)``, instead of ``optax.adam``
few but correlated weights together        ``proximal_elastic_net``, or ``proximal_adam(rate, l1, l2)``
whole inputs or units at once              ``group_lasso(c, rate, axis="input")``, last
small weights without exact zeros          ``l1(c)``, ``elastic_net(c1, c2)``: slopes, in front
a hard bound on each unit                  ``max_norm(c)``, last
a linear or logistic model, exactly        ``lbfgs(l2=c)`` in full batch
=========================================  ====================================================================

**L2 and decoupled decay** are the same under plain gradient descent: the slope of ``c sum w^2`` is ``2 c w``, and
``w - rate (g + 2 c w)`` is a decay of strength ``2 c``. Adam divides the step of each weight by the size ``d`` of its
gradients, that of the penalty with it: ``w - rate (g + 2 c w) / d``. So weights with large gradients are hardly
shrunk by `l2`, and all are shrunk alike by `decay`. `l2` has a loss that it minimises, whose value stands in the
history as ``penalty`` and can be compared with other libraries; `decay` has none, and is the one that transformers
are tuned with. Under schedules the strength of `decay` follows the rate that it is given.

**Plateaus** stand between the optimizer and the steps that move weights past it. They learn of an epoch's metrics as
Optax hands things on, ``update(..., metrics=row, epoch=epochs_done, opt_state=state)``; the last lets decay and
proximal steps shrink with them. `fit`, `grid` and `step` give all three. `proximal_adam` has its own plateau:
``proximal_adam(rate, l1=c, plateau=nn.plateau(0.5))``.

**Scales.** ``c`` multiplies the plain sum and is added to the *mean* loss of the rows, as in Keras. How PyTorch and
each model of scikit-learn write the same strength stands with `l1`, `l2` and `elastic_net`.

**Schedules** are in `jaxnn.optim.schedules`. **Own loops**: `penalties.value_of` tells the penalty,
`average.averaged` gives the weights to use; `fit` and `grid` do both.

Example:
    >>> import jax.numpy as jnp, jaxnn as nn, optax
    >>> rate = nn.schedules.warmup_cosine(0.0, 0.1, warmup_steps=10, decay_steps=100)
    >>> optimizer = optax.chain(nn.clip_by_norm(1.0), optax.sgd(rate), nn.proximal_l1(1e-3, rate), nn.ema(0.99))
    >>> params = {"dense_0": {"kernel": jnp.ones((3, 2)), "bias": jnp.zeros(2)}}
    >>> state = optimizer.init(params)
    >>> updates, state = optimizer.update(params, state, params)
    >>> round(float(nn.optim.penalties.value_of(state, params)), 4)
    0.006
"""
