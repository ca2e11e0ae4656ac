"""Plots as SVG, drawn by hand: bars for who is how fast, curves for what grows. Readable on light and dark pages."""
import math
from html import escape

INK, MUTED, OURS, PEER = "#8a8f98", "#b9bdc4", "#2f81f7", "#9aa4b2"
LINES = ["#2f81f7", "#e5732f", "#3fa45b", "#9a6fd8"]
FONT = 'font-family="system-ui, sans-serif"'


def text(x, y, words, size=13, anchor="start", color=INK, weight="normal"):
    return f'<text x="{x:.0f}" y="{y:.0f}" {FONT} font-size="{size}" text-anchor="{anchor}" fill="{color}" font-weight="{weight}">{escape(words)}</text>'


def svg(width, height, parts):
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">\n' + "\n".join(parts) + "\n</svg>\n"


def bars(title, rows):
    """rows: (name, Spread, ours). Length is the median, the thin line the range over the repeats."""
    left, room, step = 330, 430, 30
    most = max(found.high for _, found, _ in rows)
    parts = [text(12, 24, title, 15, weight="bold")]
    for at, (name, found, ours) in enumerate(rows):
        y = 44 + at * step
        scale = lambda value: room * value / most
        parts.append(text(left - 10, y + 15, name, anchor="end"))
        parts.append(f'<rect x="{left}" y="{y}" width="{max(scale(found.median), 1):.1f}" height="20" rx="2" fill="{OURS if ours else PEER}"/>')
        parts.append(f'<line x1="{left + scale(found.low):.1f}" x2="{left + scale(found.high):.1f}" y1="{y + 10}" y2="{y + 10}" stroke="{INK}" stroke-width="2"/>')
        parts.append(text(left + scale(found.high) + 8, y + 15, f"{found.median:,.0f}"))
    return svg(left + room + 110, 54 + len(rows) * step, parts)


def decades(low, high):
    return [10.0**power for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]


def short(value):
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def curves(title, x_name, lines):
    """lines: (name, [(x, y)]). Both axes are logarithmic: a straight line at 45 degrees is linear growth, a level one is none."""
    left, top, wide, high = 70, 46, 560, 240
    points = [point for _, found in lines for point in found if point[0] > 0 and point[1] > 0]
    xs, ys = decades(min(x for x, _ in points), max(x for x, _ in points)), decades(min(y for _, y in points), max(y for _, y in points))
    span = lambda ticks: max(math.log10(ticks[-1] / ticks[0]), 1)
    px = lambda x: left + wide * math.log10(x / xs[0]) / span(xs)
    py = lambda y: top + high - high * math.log10(y / ys[0]) / span(ys)
    parts = [text(12, 24, title, 15, weight="bold"), text(left + wide, top + high + 36, x_name, 12, "end")]
    for x in xs:
        parts.append(f'<line x1="{px(x):.1f}" x2="{px(x):.1f}" y1="{top}" y2="{top + high}" stroke="{MUTED}" stroke-width="0.5"/>')
        parts.append(text(px(x), top + high + 18, short(x), 12, "middle"))
    for y in ys:
        parts.append(f'<line x1="{left}" x2="{left + wide}" y1="{py(y):.1f}" y2="{py(y):.1f}" stroke="{MUTED}" stroke-width="0.5"/>')
        parts.append(text(left - 8, py(y) + 4, short(y), 12, "end"))
    for at, (name, found) in enumerate(lines):
        color = LINES[at % len(LINES)]
        path = " ".join(f"{px(x):.1f},{py(y):.1f}" for x, y in found if x > 0 and y > 0)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts += [f'<circle cx="{px(x):.1f}" cy="{py(y):.1f}" r="3" fill="{color}"/>' for x, y in found if x > 0 and y > 0]
        parts.append(text(left + wide + 14, top + 14 + at * 20, name, 12, color=color))
    return svg(left + wide + 200, top + high + 50, parts)
