"""A page of a report, read back."""

from __future__ import annotations

import json
from html.parser import HTMLParser


class Page(HTMLParser):
    """Collects tags, texts, and the addresses that a browser would load."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.addresses, self.charts = [], [], [], []
        self.numbers, self._in_numbers = None, False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.tags.append(tag)
        self.addresses += [values[key] for key in ("src", "href") if key in values]
        self._in_numbers = values.get("id") == "numbers"
        if tag == "svg":
            self.charts.append(values)

    def handle_data(self, data):
        if self._in_numbers:
            self.numbers = json.loads(data)
            self._in_numbers = False
        elif data.strip():
            self.texts.append(" ".join(data.split()))
