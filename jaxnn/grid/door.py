"""`jaxnn.grid` is a function, and still the way to its package: ``import jaxnn.grid.plan`` works."""

from jaxnn.grid import copies, engine, ensemble, path, plan, record, recorded, results, space, stored
from jaxnn.grid.engine import grid

vars(grid).update(copies=copies, engine=engine, ensemble=ensemble, path=path, plan=plan, record=record)
vars(grid).update(recorded=recorded, results=results, space=space, stored=stored)
