"""What a run has found: on the terminal, as the table of the README, and as a plot.

`python3 bench/report.py bench/results/DATE.json` writes table and plot of an earlier run again.
"""

import json
import pathlib
import re
import sys

import plot
from kit import ROOT

PEERS = ("mosquitto", "nats", "rumqttd")
UNITS = {"cpu_us": "µs", "each_us": "µs", "p99_us": "µs", "kb": "kB"}
README = ROOT / "README.md"
BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"


def show(row):
    """A line for each contestant."""
    print(row["name"])
    for contestant in row["contestants"]:
        print(f"  {contestant['label']:<16} {measured(contestant, row['figure'])}", flush=True)


def measured(contestant, figure):
    if "refused" in contestant:
        return f"not measured: {contestant['refused']}{wish(contestant, figure)}"
    median = contestant["median"]
    rate = f"{median['rate']:>11,.0f}/s" if "rate" in median else " " * 13
    quantiles = f"  p50 {median['p50_us']:.0f} µs, p99 {median['p99_us']:.0f} µs" if figure == "p99_us" else ""
    cost = f"{median[figure]:>9.2f} {UNITS[figure]}" if figure != "p99_us" else ""
    limited = "  limited by the generator" if median.get("generator", 0) > 0.9 else ""
    late = f"  {median['missing']:.0%} not delivered" if median.get("missing", 0) > 0.01 else ""
    factor = f"  {contestant['factor']:.2f} ×" if "factor" in contestant else ""
    return f"{rate} {cost}{quantiles}{factor}{wish(contestant, figure)}{limited}{late}"


def wish(contestant, figure):
    """What was wanted, and whether it is so."""
    if contestant["wanted"] is None:
        return ""
    bound = f"≥ {contestant['wanted']} ×" if contestant["label"] != "ferroflux" else f"≤ {contestant['wanted']} {UNITS[figure]}"
    return f"  ({bound}: {'met' if contestant.get('met') else 'MISSED'})"


def verdict(rows):
    judged = [contestant["met"] for row in rows for contestant in row["contestants"] if "met" in contestant]
    return f"{sum(judged)} of {len(judged)} targets met"


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def cell(contestant, figure):
    if contestant is None:
        return ""
    if "refused" in contestant:
        return f"none: {contestant['refused']}"
    factor = f" ({number(contestant['factor'])} ×)" if "factor" in contestant else ""
    return f"{number(contestant['median'][figure])} {UNITS[figure]}{factor}"


def table(result):
    """Markdown: a line for each row."""
    yield "| | Ferroflux | Mosquitto | NATS | rumqttd | beside | wanted |"
    yield "|---|---|---|---|---|---|---|"
    for row in result["rows"]:
        by_label = {contestant["label"]: contestant for contestant in row["contestants"]}
        figure = row["figure"]
        mine = by_label.pop("ferroflux")
        known = [cell(by_label.pop(peer, None), figure) for peer in PEERS]
        others = ", ".join(f"{label}: {cell(contestant, figure)}" for label, contestant in by_label.items())
        wanted = ", ".join(f"{contestant['label'] if contestant is not mine else ''}{wish(contestant, figure)}".replace("  (", " ").strip(" )")
                           for contestant in row["contestants"] if "met" in contestant)
        yield f"| {row['name']} | {cell(mine, figure)} | {' | '.join(known)} | {others} | {wanted} |"


def section(result):
    """The README's part that a run rewrites."""
    machine = result["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return "\n".join([
        BEGIN, f"{result['date']}, {machine['processor']}, {machine['cores']} cores, {machine['memory_mb']:,} MB, {machine['kernel']}, load average "
        f"{machine['load_average']:.1f}, medians of {result['rounds']} rounds; {versions}; {verdict(result['rows'])}.", "", *table(result), "",
        f"![The factors as a plot](bench/results/{result['date']}.svg)", END])


def write(file):
    """The plot beside the result, and the README's part."""
    result = json.loads(file.read_text())
    file.with_suffix(".svg").write_text(plot.svg(result))
    text = README.read_text()
    README.write_text(re.sub(f"{BEGIN}.*{END}", lambda _: section(result), text, flags=re.DOTALL))


if __name__ == "__main__":
    write(pathlib.Path(sys.argv[1]))
