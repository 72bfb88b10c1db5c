"""How far a figure can be trusted: intervals of figures, and tests of differences."""

from cnnrun.statistics.comparing import (
    Difference,
    mcnemar,
    paired_difference,
    unpaired_difference,
)
from cnnrun.statistics.intervals import (
    CONFIDENCE,
    Interval,
    paired_shares_interval,
    wilson_interval,
)
from cnnrun.statistics.resampling import bootstrap, percentile_interval
from cnnrun.statistics.student import mean_interval

__all__ = [
    "CONFIDENCE",
    "Difference",
    "Interval",
    "bootstrap",
    "mcnemar",
    "mean_interval",
    "paired_difference",
    "paired_shares_interval",
    "percentile_interval",
    "unpaired_difference",
    "wilson_interval",
]
