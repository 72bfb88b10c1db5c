"""How far a figure can be trusted: intervals of figures, and tests of differences."""

from cnnrun.statistics.intervals import Interval, wilson_interval
from cnnrun.statistics.resampling import bootstrap, percentile_interval

__all__ = ["Interval", "bootstrap", "percentile_interval", "wilson_interval"]
