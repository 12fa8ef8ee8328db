"""Penalties and schedules as Optax transformations whose every number may be traced."""
