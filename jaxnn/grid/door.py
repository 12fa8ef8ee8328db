"""`jaxnn.grid` is a function, and still the way to its package: ``import jaxnn.grid.plan`` works."""

from jaxnn.grid import engine, ensemble, path, plan, results, space, stored
from jaxnn.grid.engine import grid

vars(grid).update(engine=engine, ensemble=ensemble, path=path, plan=plan, results=results, space=space, stored=stored)
