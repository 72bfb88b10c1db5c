"""Writes CSV files for tests, and loads them."""

from __future__ import annotations

import csv
import gzip
import io

import pytest

from cnnrun.data.sources import Csv
from cnnrun.errors import DataError


def write(file, rows, delimiter=","):
    """Write rows with the standard library's writer, compressed if the name says so."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    content = text.getvalue().encode()
    file.write_bytes(gzip.compress(content) if file.suffix == ".gz" else content)


def load(folder, name="x.csv", /, **options):
    """Return a file's data; what is told without reading the images must be the same."""
    source = Csv(name, **options)
    data = source.load(folder)
    assert source.info(folder) == data.info
    return data


def message(folder, name="x.csv", /, **options):
    """Return why a file is refused."""
    with pytest.raises(DataError) as caught:
        Csv(name, **options).load(folder)
    return str(caught.value).replace(f"{folder}/", "")
