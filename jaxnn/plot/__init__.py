"""Pictures by matplotlib, which is imported when one is drawn; each function returns the axes and shows nothing."""

from jaxnn.plot.boundary import boundary as boundary
from jaxnn.plot.curves import curves as curves
from jaxnn.plot.grid import heatmap as heatmap
from jaxnn.plot.importance import importance as importance
from jaxnn.plot.lineage import lineage as lineage
from jaxnn.plot.marginals import marginals as marginals
from jaxnn.plot.parallel import parallel as parallel
from jaxnn.plot.path import path as path
from jaxnn.plot.rungs import rungs as rungs
