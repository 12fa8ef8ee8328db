"""Searches that save work: halving, Hyperband, populations that train each other, samplers that propose."""

from jaxnn.search.descend import descend as descend
from jaxnn.search.descent import Descent as Descent
from jaxnn.search.halving import Halving as Halving
from jaxnn.search.hyperband import Hyperband as Hyperband
from jaxnn.search.population_based import PopulationBased as PopulationBased
from jaxnn.search.sampler import ask_tell as ask_tell
from jaxnn.search.study import optuna as optuna
