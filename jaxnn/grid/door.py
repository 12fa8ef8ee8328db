"""`jaxnn.grid` is a function, and still the way to its package: ``import jaxnn.grid.plan`` works."""

from jaxnn.grid import (
    came,
    cluster,
    copies,
    crew,
    engine,
    ensemble,
    job,
    parts,
    path,
    plan,
    processes,
    recut,
    remote,
    results,
    space,
    stored,
)
from jaxnn.grid.engine import grid

vars(grid).update(copies=copies, engine=engine, ensemble=ensemble, path=path, plan=plan)
vars(grid).update(results=results, space=space, stored=stored)
vars(grid).update(came=came, cluster=cluster, crew=crew, job=job, parts=parts)
vars(grid).update(processes=processes, recut=recut, remote=remote)
