"""Charts as SVG: axes, ticks, marks with tooltips, and a text for those who cannot see them.

A page colours them by classes (`s0`, `s1`, ... of the series), so that one chart is dark and light.
Its script reads the marks' tooltips out with the arrow keys; without it a pointer still shows them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.etree import ElementTree

from cnnrun.report.scales import Scale, number
from cnnrun.untrusted import visible

__all__ = ["BELOW", "SERIES", "TOP", "Chart", "Picture", "listed", "shortened"]

SERIES = 8
"""So many series have a colour of their own."""
WIDTH, HEIGHT = 400, 290
LEFT, RIGHT, TOP, BELOW = 54, 12, 40, 44
LEGEND_LINE, CHARACTER = 17, 6.4
"""Of a legend, in pixels; the width of a letter is that of a usual font at most."""

Point = tuple[float, float]


class Picture:
    """A finished chart: a template takes `__html__` as it is, since all text in it is escaped.

    Attributes:
        title: stands above it.
        description: says in a sentence what it shows.
        width: in pixels, at which its text is as large as the page's.
    """

    def __init__(self, title: str, description: str, width: float, svg: str) -> None:
        self.title, self.description, self.width = title, description, width
        self._svg = svg

    def __html__(self) -> str:
        return self._svg


def shortened(text: str, most: int = 26) -> str:
    """Return a name in one line that has room: its beginning and its end, which tell it apart."""
    line = visible(text).replace("\n", " ")
    if len(line) <= most:
        return line
    end = (most - 3) // 3
    return f"{line[: most - 3 - end]}...{line[-end:]}"


class Chart:
    """A chart that is being drawn, with an axis in each direction.

    Attributes:
        x, y: the scales.
    """

    def __init__(
        self,
        title: str,
        x: Scale,
        y: Scale,
        labels: tuple[str, str] = ("", ""),
        *,
        width: float = WIDTH,
        height: float = HEIGHT,
        left: float = LEFT,
        top: float = TOP,
    ) -> None:
        """Begin a chart of that size; `labels` stand at the axes, `left` has room for ticks."""
        self.title, self.x, self.y = title, x, y
        self.width, self.height = width, height
        self._left, self._top = left, top
        self._right, self._bottom = width - RIGHT, height - BELOW
        self._root = ElementTree.Element("svg")
        self._frame = ElementTree.SubElement(self._root, "g", {"class": "frame"})
        self._drawn = ElementTree.SubElement(self._root, "g")
        self._legend: list[tuple[str, str]] = []
        self._label(labels)

    def set_bottom(self, bottom: float) -> None:
        """End the axes above so many pixels, where more than a line of names stands below them."""
        self._bottom = bottom

    def outline(self) -> None:
        """Draw a frame around the axes."""
        size = {"width": self._right - self._left, "height": self._bottom - self._top}
        self._add(self._frame, "rect", x=self._left, y=self._top, **size)

    def place(self, x: float, y: float) -> Point:
        """Return where values stand, in pixels."""
        return (
            self._left + self.x.part(x) * (self._right - self._left),
            self._bottom - self.y.part(y) * (self._bottom - self._top),
        )

    def ticks(self, most: tuple[int, int] = (6, 5)) -> None:
        """Draw both axes' ticks, and lines across."""
        for value in self.x.ticks(most[0]):
            x, _ = self.place(value, self.y.low)
            self._add(self._frame, "line", x1=x, x2=x, y1=self._top, y2=self._bottom)
            self._text(self._frame, x, self._bottom + 16, number(value), "middle")
        for value in self.y.ticks(most[1]) if most[1] else ():
            _, y = self.place(self.x.low, value)
            self._add(self._frame, "line", x1=self._left, x2=self._right, y1=y, y2=y)
            self._text(self._frame, self._left - 6, y + 4, number(value), "end")

    def line(self, points: Sequence[Point], kind: str, name: str = "", dots: bool = True) -> None:
        """Draw a line through points; `name` stands in the legend.

        Args:
            points: in the order in which they are joined.
            kind: the classes that give its colour, such as `s0`.
            name: none for a line that the legend leaves out.
            dots: whether each point is seen.
        """
        places = [self.place(*point) for point in points]
        if len(places) > 1:
            joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
            self._add(self._drawn, "polyline", **{"class": f"line {kind}"}, points=joined)
        for x, y in places if dots or len(places) == 1 else ():
            self._add(self._drawn, "circle", **{"class": f"dot {kind}"}, cx=x, cy=y, r=2.6)
        if name:
            self._legend.append((kind, name))

    def upright(self, value: float, kind: str, name: str = "") -> None:
        """Draw a line from the bottom to the top at a value of x."""
        self.line([(value, self.y.low), (value, self.y.high)], kind, name, dots=False)

    def box(self, low: Point, high: Point, kind: str, tip: str = "", strength: float = 1) -> None:
        """Draw a rectangle between two corners, with a tooltip; `strength` is its opacity."""
        (x1, y1), (x2, y2) = self.place(*low), self.place(*high)
        parent = self._mark(tip) if tip else self._drawn
        size = {"width": abs(x2 - x1), "height": abs(y1 - y2)}
        more = {} if strength >= 1 else {"fill-opacity": f"{strength:.3f}"}
        kinds = {"class": f"box {kind}"}
        self._add(parent, "rect", x=min(x1, x2), y=min(y1, y2), **size, **kinds, **more)

    def dot(self, point: Point, kind: str, tip: str) -> None:
        """Draw a point with a tooltip."""
        x, y = self.place(*point)
        self._add(self._mark(tip), "circle", **{"class": f"dot {kind}"}, cx=x, cy=y, r=3.2)

    def band(self, x: float, width: float, tip: str) -> None:
        """Lay an invisible band over the height of the chart, which tells what stands there."""
        half = max(width, 1e-9) / 2
        self.box((x - half, self.y.low), (x + half, self.y.high), "hit", tip)

    def text(self, x: float, y: float, words: str, kind: str = "", anchor: str = "middle") -> None:
        """Write at a place of the chart."""
        left, top = self.place(x, y)
        self._text(self._drawn, left, top, words, anchor, kind)

    def name_row(self, y: float, words: str, offset: float = 4) -> None:
        """Write the name of a row to the left of the axis."""
        _, top = self.place(self.x.low, y)
        self._text(self._frame, self._left - 6, top + offset, words, "end")

    def name_column(self, x: float, words: str, turned: bool) -> None:
        """Write the name of a column below the axis, turned upright where it is long."""
        left, _ = self.place(x, self.y.low)
        if not turned:
            self._text(self._frame, left, self._bottom + 16, words, "middle")
            return
        top = self._bottom + 8
        text = self._text(self._frame, left + 4, top, words, "end")
        text.set("transform", f"rotate(-90 {left + 4:.1f} {top:.1f})")

    def entry(self, kind: str, name: str) -> None:
        """Add a line to the legend."""
        self._legend.append((kind, name))

    def finish(self, description: str) -> Picture:
        """Return the picture; `description` says in words what it shows."""
        below = self._draw_legend()
        self._text(self._root, 2, 13, "", "start", "readout")
        root = self._root
        attributes = {
            "xmlns": "http://www.w3.org/2000/svg",
            "class": "chart",
            "viewBox": f"0 0 {self.width:g} {self.height + below:g}",
            "role": "img",
            "tabindex": "0",
            "aria-label": visible(f"{self.title}: {description}"),
        }
        for key, value in attributes.items():
            root.set(key, value)
        ElementTree.indent(root, " ")
        svg = ElementTree.tostring(root, encoding="unicode", short_empty_elements=True)
        return Picture(self.title, description, self.width, svg)

    def _label(self, labels: tuple[str, str]) -> None:
        if labels[0]:
            middle = (self._left + self._right) / 2
            self._text(self._frame, middle, self.height - 8, labels[0], "middle", "label")
        if labels[1]:
            self._text(self._frame, 2, self._top - 8, labels[1], "start", "label")

    def _draw_legend(self) -> float:
        """Draw the legend below the chart, in as many lines as it takes; return its height."""
        x, line = 8.0, 0
        for kind, name in self._legend:
            words = shortened(name, 44)
            length = 26 + CHARACTER * len(words) + 12
            if x > 8 and x + length > self.width:
                x, line = 8.0, line + 1
            y = self.height + line * LEGEND_LINE + 6
            swatch = {"class": f"line {kind}"}
            self._add(self._root, "line", **swatch, x1=x, x2=x + 20, y1=y, y2=y)
            self._text(self._root, x + 26, y + 4, words, "start")
            x += length
        return (line + 1) * LEGEND_LINE if self._legend else 0

    def _mark(self, tip: str) -> ElementTree.Element:
        mark = ElementTree.SubElement(self._drawn, "g", {"class": "mark"})
        ElementTree.SubElement(mark, "title").text = visible(tip)
        return mark

    def _text(
        self,
        parent: ElementTree.Element,
        x: float,
        y: float,
        words: str,
        anchor: str,
        kind: str = "",
    ) -> ElementTree.Element:
        classes = {"class": kind} if kind else {}
        text = self._add(parent, "text", **classes, x=x, y=y, **{"text-anchor": anchor})
        text.text = visible(words)
        return text

    @staticmethod
    def _add(parent: ElementTree.Element, tag: str, **values: str | float) -> ElementTree.Element:
        written = {
            key: value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")
            for key, value in values.items()
        }
        return ElementTree.SubElement(parent, tag, written)


def listed(names: Iterable[str], most: int = 6) -> str:
    """Return names as a sentence has them: the first few, and how many more."""
    every = [shortened(name) for name in names]
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more
