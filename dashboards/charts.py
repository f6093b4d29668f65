"""Charts as SVG that follows the width of its box, without a script or a style.

Marks stand at shares of the width and height, lines and bands in a box of 100 x 100
that is stretched; labels are HTML beside them. So text keeps its size at every width,
and nothing has to be measured. Colours are classes of `static/boards.css`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from markupsafe import Markup, escape

from dashboards.formats import shown

TICKS = 4
TIME_SCALES = {1.0: "s", 60.0: "min", 3600.0: "h"}
WHOLE = ("count", "milliseconds", "tokens")  # units whose labels have no fractions
SPARK_MARKS = 14  # with more points, a line of a finger's width is all marks


@dataclass(frozen=True)
class Point:
    """A mark: where it stands, its interval, what is to be said of it, and its link."""

    x: float
    y: float | None
    lower: float | None = None
    upper: float | None = None
    title: str = ""
    link: str | None = None
    tone: str = "plain"
    is_weak: bool = False


@dataclass(frozen=True)
class Axis:
    """A range with round ends, cut into equal steps; `labels` from low to high."""

    low: float
    high: float
    labels: tuple[str, ...]

    def place(self, value: float) -> float:
        """Where a value stands, in percent of the way, kept within the frame."""
        return min(100.0, max(0.0, 100 * (value - self.low) / (self.high - self.low)))


def axis(values: Sequence[float], unit: str, *, from_zero: bool = False) -> Axis:
    """An axis that holds the values; shares stay within 0 and 1."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    if from_zero:
        low = min(0.0, low)
    scale = 1.0
    if unit == "seconds" and high >= 120:
        scale = 3600.0 if high >= 7200 else 60.0
    step = _round_step((high - low or abs(high) or 1.0) / scale / TICKS) * scale
    if unit in WHOLE:
        step = max(step, 1.0)
    start = math.floor(low / step + 1e-9) * step
    steps = max(1, math.ceil((high - start) / step - 1e-9))
    if unit == "share" and start + steps * step > 1 and high <= 1:
        start = max(0.0, 1 - steps * step) if low >= 1 - steps * step else start
    labels = tuple(_label(start + step * n, unit, scale) for n in range(steps + 1))
    return Axis(start, start + steps * step, labels)


def _round_step(rough: float) -> float:
    """The next of 1, 2, 2.5 and 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(n * power for n in (1, 2, 2.5, 5, 10) if n * power >= rough * 0.999)


def _label(value: float, unit: str, scale: float) -> str:
    value = round(value, 10) + 0.0
    if unit == "share":
        return f"{value * 100:.3g} %"
    if unit == "seconds":
        return f"{value / scale:.3g} {TIME_SCALES[scale]}"
    if unit in ("score_1_to_7", "number"):
        return f"{value:.3g}"
    return shown(value, unit)


def trend(
    lines: Sequence[tuple[str, Sequence[Point]]],
    unit: str,
    *,
    ends: tuple[str, str],
    target: float | None = None,
    picked: tuple[float, float] | None = None,
    unsettled_from: float | None = None,
    is_small: bool = False,
) -> Markup:
    """Lines over time; the first with the band of its interval.

    `picked` is the period that the page shows, `unsettled_from` where figures may still
    move; both in percent of the width, as the x of the points.
    """
    known = [
        value
        for number, (_, points) in enumerate(lines)
        for point in points
        for value in ((point.y, point.lower, point.upper) if not number else (point.y,))
        if value is not None
    ]
    if unit == "share":
        known = [min(1.0, max(0.0, value)) for value in known]
    if target is not None:
        known.append(target)
    frame = axis(known, unit, from_zero=unit in ("count", "milliseconds", "seconds"))
    parts = [_shade(picked, "picked", "The period shown")]
    if unsettled_from is not None and unsettled_from < 100:
        parts.append(
            _shade((unsettled_from, 100.0), "unsettled", "Provisional: may still move")
        )
    if not is_small:
        parts += _grid(frame)
    if target is not None:
        parts.append(_line(frame.place(target), "target"))
    for number, (_, points) in enumerate(lines):
        parts.append(_paths(points, frame, number))
    for number, (_, points) in enumerate(lines):
        if not is_small or len(points) <= SPARK_MARKS:
            parts += [_mark(each, frame, number, is_small=is_small) for each in points]
    return _framed(parts, frame, ends, "spark" if is_small else "trend", unit)


def scatter(
    points: Sequence[Point],
    units: tuple[str, str],
    labels: tuple[str, str],
    bars: tuple[float | None, float | None],
) -> Markup:
    """Marks by two amounts, with the bars that part them into four fields."""
    across = axis(
        [p.x for p in points] + [b for b in bars[:1] if b is not None], units[0]
    )
    upward = axis(
        [p.y for p in points if p.y is not None]
        + [b for b in bars[1:] if b is not None],
        units[1],
    )
    parts = _grid(upward)
    if bars[0] is not None:
        place = across.place(bars[0])
        parts.append(
            Markup(
                '<line class="target" x1="{0}%" x2="{0}%" y1="0" y2="100%"/>'
            ).format(_number(place))
        )
    if bars[1] is not None:
        parts.append(_line(upward.place(bars[1]), "target"))
    for point in points:
        moved = Point(**{**point.__dict__, "x": across.place(point.x)})
        parts.append(_mark(moved, upward, 0, is_small=False, radius=6))
    frame = _framed(parts, upward, across.labels, "scatter", units[1])
    return Markup(
        '<div class="named-axes"><p class="y-name">{}</p>{}'
        '<p class="x-name">{}</p></div>'
    ).format(labels[1], frame, labels[0])


def bar(
    value: float | None,
    high: float,
    *,
    lower: float | None = None,
    upper: float | None = None,
    target: float | None = None,
    tone: str = "plain",
) -> Markup:
    """A bar from zero to `high`, with its interval as a whisker and its target."""
    if value is None or high <= 0:
        return Markup('<svg class="bar" aria-hidden="true"></svg>')
    parts = [_rect(0, min(100.0, 100 * value / high), f"fill-{tone}")]
    if lower is not None and upper is not None:
        parts.append(_whisker(100 * max(0.0, lower) / high, 100 * upper / high))
    if target is not None and target <= high:
        parts.append(_tick(100 * target / high, "target"))
    return _cell(parts)


def signed_bar(value: float | None, widest: float) -> Markup:
    """A bar to the left or the right of the middle."""
    if value is None or widest <= 0:
        return Markup('<svg class="bar" aria-hidden="true"></svg>')
    width = 50 * min(1.0, abs(value) / widest)
    start = 50 - width if value < 0 else 50
    tone = "minus" if value < 0 else "plus"
    return _cell([_rect(start, width, f"fill-{tone}"), _tick(50, "zero")])


def parts_bar(parts: Sequence[tuple[float, str]], whole: float) -> Markup:
    """Parts of a whole beside each other; what the whole has more is left blank."""
    drawn, start = [], 0.0
    for amount, tone in parts:
        width = 100 * amount / whole if whole else 0
        drawn.append(_rect(start, width, f"fill-{tone}"))
        start += width
    return _cell(drawn)


def dates_ends(first: date | datetime, last: date | datetime) -> tuple[str, str]:
    """The labels of a time axis."""
    return f"{first:%-d %b %Y}", f"{last:%-d %b %Y}"


def _framed(
    parts: Sequence[Markup],
    frame: Axis,
    below: Sequence[str],
    kind: str,
    unit: str,
) -> Markup:
    plot = Markup('<svg class="plot" role="presentation">{}</svg>').format(
        Markup("").join(parts)
    )
    if kind == "spark":
        return Markup('<div class="spark">{}</div>').format(plot)
    upward = Markup("").join(
        Markup("<span>{}</span>").format(label) for label in reversed(frame.labels)
    )
    across = Markup("").join(Markup("<span>{}</span>").format(each) for each in below)
    return Markup(
        '<div class="chart {}"><div class="y-axis" aria-hidden="true">{}</div>{}'
        '<div class="x-axis" aria-hidden="true">{}</div></div>'
    ).format(kind, upward, plot, across)


def _grid(frame: Axis) -> list[Markup]:
    steps = len(frame.labels) - 1
    return [_line(100 * number / steps, "grid") for number in range(steps + 1)]


def _line(height: float, kind: str) -> Markup:
    return Markup('<line class="{1}" x1="0" x2="100%" y1="{0}%" y2="{0}%"/>').format(
        _number(100 - height), kind
    )


def _shade(between: tuple[float, float] | None, kind: str, title: str) -> Markup:
    if between is None:
        return Markup("")
    return Markup(
        '<rect class="{}" x="{}%" width="{}%" y="0" height="100%">'
        "<title>{}</title></rect>"
    ).format(kind, _number(between[0]), _number(between[1] - between[0]), title)


def _paths(points: Sequence[Point], frame: Axis, number: int) -> Markup:
    runs: list[list[Point]] = [[]]
    for point in points:
        if point.y is None:
            runs.append([])
        else:
            runs[-1].append(point)
    drawn = []
    for run in filter(None, runs):
        banded = [p for p in run if p.lower is not None and p.upper is not None]
        if not number and len(banded) > 1:
            there = [_at(p.x, frame.place(p.upper)) for p in banded]
            back = [_at(p.x, frame.place(p.lower)) for p in reversed(banded)]
            drawn.append(f'<path class="band" d="M{"L".join(there + back)}Z"/>')
        if len(run) > 1:
            line = "L".join(_at(p.x, frame.place(p.y)) for p in run)
            drawn.append(f'<path class="line line-{number}" d="M{line}"/>')
    return Markup(
        '<svg viewBox="0 0 100 100" preserveAspectRatio="none" width="100%" '
        'height="100%">{}</svg>'
    ).format(Markup("".join(drawn)))


def _at(x: float, y: float) -> str:
    return f"{_number(x)} {_number(100 - y)}"


def _mark(
    point: Point, frame: Axis, number: int, *, is_small: bool, radius: float = 3.5
) -> Markup:
    if point.y is None:
        return Markup("")
    kind = f"mark mark-{number} tone-{point.tone}" + (" weak" if point.is_weak else "")
    mark = Markup('<circle class="{}" cx="{}%" cy="{}%" r="{}"/>').format(
        kind,
        _number(point.x),
        _number(100 - frame.place(point.y)),
        2 if is_small else radius,
    )
    if is_small:
        return mark
    named = Markup("<g>{}<title>{}</title></g>").format(mark, point.title)
    if point.link is None:
        return named
    return Markup('<a href="{}" aria-label="{}">{}</a>').format(
        point.link, point.title, named
    )


def _cell(parts: Sequence[Markup]) -> Markup:
    return Markup('<svg class="bar" aria-hidden="true">{}</svg>').format(
        Markup("").join(parts)
    )


def _rect(start: float, width: float, kind: str) -> Markup:
    return Markup('<rect class="{}" x="{}%" width="{}%" y="15%" height="70%"/>').format(
        kind, _number(start), _number(max(0.0, width))
    )


def _whisker(start: float, end: float) -> Markup:
    start, end = min(100.0, start), min(100.0, end)
    return Markup(
        '<line class="whisker" x1="{0}%" x2="{1}%" y1="50%" y2="50%"/>'
        '<line class="whisker" x1="{0}%" x2="{0}%" y1="30%" y2="70%"/>'
        '<line class="whisker" x1="{1}%" x2="{1}%" y1="30%" y2="70%"/>'
    ).format(_number(start), _number(end))


def _tick(place: float, kind: str) -> Markup:
    return Markup('<line class="{1}" x1="{0}%" x2="{0}%" y1="0" y2="100%"/>').format(
        _number(place), kind
    )


def _number(value: float) -> str:
    return str(escape(f"{value:.3f}".rstrip("0").rstrip(".")))
