"""`jaxnn.grid` is a function, and still the way to its package: ``import jaxnn.grid.plan`` works."""

from jaxnn.grid import copies, engine, ensemble, filled, path, plan, results, space, stored
from jaxnn.grid.engine import grid

vars(grid).update(copies=copies, engine=engine, ensemble=ensemble, filled=filled, path=path, plan=plan)
vars(grid).update(results=results, space=space, stored=stored)
