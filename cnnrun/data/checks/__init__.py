"""Checks of a data set: what is in it twice, contradicts itself, shows nothing or is missing."""

from cnnrun.data.checks.classes import check_classes
from cnnrun.data.checks.copies import check_copies
from cnnrun.data.checks.findings import (
    DataCheck,
    Finding,
    Pair,
    Sample,
    Severity,
    most_serious_first,
)
from cnnrun.data.checks.folders import check_folder, sound_part, survey_folder
from cnnrun.data.checks.picture import PNG, chosen_pairs, draw_pairs
from cnnrun.data.checks.pool import Pool

__all__ = [
    "PNG",
    "DataCheck",
    "Finding",
    "Pair",
    "Pool",
    "Sample",
    "Severity",
    "check_classes",
    "check_copies",
    "check_folder",
    "chosen_pairs",
    "draw_pairs",
    "most_serious_first",
    "sound_part",
    "survey_folder",
]
