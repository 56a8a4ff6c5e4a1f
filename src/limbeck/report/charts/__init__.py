"""Charts as SVG: no script, colours by CSS variables, legible from a phone to print."""

from limbeck.report.charts.cartpole import Run as Run
from limbeck.report.charts.cartpole import cartpole as cartpole
from limbeck.report.charts.contour import contour as contour
from limbeck.report.charts.density import density as density
from limbeck.report.charts.heat import heat as heat
from limbeck.report.charts.intervals import Interval as Interval
from limbeck.report.charts.intervals import intervals as intervals
from limbeck.report.charts.plot import Axis as Axis
from limbeck.report.charts.plot import Dots as Dots
from limbeck.report.charts.plot import Line as Line
from limbeck.report.charts.plot import Rule as Rule
from limbeck.report.charts.plot import plot as plot
from limbeck.report.charts.scales import Linear as Linear
from limbeck.report.charts.scales import Log as Log
from limbeck.report.charts.scales import Log1p as Log1p
from limbeck.report.charts.strip import strip as strip
from limbeck.report.charts.svg import Look as Look
