"""Searches that save work: halving, Hyperband, and populations that train each other."""

from jaxnn.search.halving import Halving as Halving
from jaxnn.search.hyperband import Hyperband as Hyperband
from jaxnn.search.population_based import PopulationBased as PopulationBased
