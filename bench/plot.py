"""A result as a picture without any library: how many times our figure each other one's is, on a logarithmic scale."""

import html
import math

COLOURS = {"mosquitto": "#b5542b", "nats": "#2b6fb5", "rumqttd": "#7a4fa3"}
OTHER = "#5b6b5b"
LEFT, WIDTH, STEP, TOP = 390, 1040, 24, 64
LEAST, MOST = 0.1, 1000


def x(factor):
    """Where a factor is; what is off the scale is at its end."""
    share = math.log10(min(max(factor, LEAST), MOST) / LEAST) / math.log10(MOST / LEAST)
    return LEFT + share * (WIDTH - LEFT - 130)


def text(left, top, words, more=""):
    return f'<text x="{left:.0f}" y="{top}" {more}>{html.escape(words)}</text>'


def scale(height):
    """A line for each power of ten."""
    for factor in (0.1, 1, 10, 100, 1000):
        colour = "#333" if factor == 1 else "#ccc"
        yield f'<line x1="{x(factor):.0f}" x2="{x(factor):.0f}" y1="{TOP - 12}" y2="{height}" stroke="{colour}"/>'
        yield text(x(factor), TOP - 18, f"{factor:g} ×", 'text-anchor="middle"')


def legend():
    for place, (label, colour) in enumerate([*COLOURS.items(), ("other", OTHER)]):
        left = LEFT + 120 * place
        yield f'<circle cx="{left}" cy="20" r="5" fill="{colour}"/>' + text(left + 10, 24, label)


def row(number, row):
    """The name, and a dot for each that was measured; a tick where it was wanted to be."""
    middle = TOP + 12 + number * STEP
    yield text(8, middle + 4, row["name"])
    for contestant in row["contestants"][1:]:
        if "factor" not in contestant:
            continue
        colour = COLOURS.get(contestant["label"], OTHER)
        title = html.escape(f"{contestant['label']}: {contestant['factor']:.2f} ×")
        yield f'<circle cx="{x(contestant["factor"]):.0f}" cy="{middle}" r="5" fill="{colour}"><title>{title}</title></circle>'
        if contestant["wanted"]:
            at = x(contestant["wanted"])
            yield f'<line x1="{at:.0f}" x2="{at:.0f}" y1="{middle - 9}" y2="{middle + 9}" stroke="{colour}" stroke-width="2"/>'


def svg(result):
    height = TOP + 24 + len(result["rows"]) * STEP
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="12">',
             f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>', text(8, 24, f"Times our cost, {result['date']}; a tick: wanted"), *legend(), *scale(height - 12)]
    for number, one in enumerate(result["rows"]):
        lines += row(number, one)
    return "\n".join([*lines, "</svg>", ""])
