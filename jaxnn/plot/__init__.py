"""Pictures by matplotlib, which is imported when one is drawn; each function returns the axes and shows nothing."""

from jaxnn.plot.boundary import boundary as boundary
from jaxnn.plot.curves import curves as curves
from jaxnn.plot.grid import heatmap as heatmap
from jaxnn.plot.path import path as path
