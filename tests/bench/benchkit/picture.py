"""The picture of the growth, as SVG that reads well on light and dark pages."""

import math

from benchkit.growth import Point

WIDTH, HEIGHT = 760, 320
LEFT, TOP, PLOT_WIDTH, PLOT_HEIGHT = 60, 52, 280, 200
GAP = 380  # from one plot's left edge to the next

HEAD = f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Growth of krun">
<style>
text {{ font: 13px sans-serif; fill: #57606a }}
.title {{ font-weight: bold; fill: #1f2328 }}
.grid {{ stroke: #d0d7de; stroke-width: 1 }}
.line {{ fill: none; stroke: #0969da; stroke-width: 2 }}
.dot {{ fill: #0969da }}
.spread {{ stroke: #0969da; stroke-width: 1 }}
@media (prefers-color-scheme: dark) {{
  text {{ fill: #9198a1 }} .title {{ fill: #f0f6fc }} .grid {{ stroke: #3d444d }}
  .line, .spread {{ stroke: #4493f8 }} .dot {{ fill: #4493f8 }}
}}
</style>
"""


def draw(points: list[Point]) -> str:
    cpu = [(point.hosts, point.cpu * 1000, point.cpu_low * 1000, point.cpu_high * 1000) for point in points]
    memory = [(point.hosts, point.memory / 1e6, point.memory / 1e6, point.memory / 1e6) for point in points]
    return (
        HEAD
        + _plot(LEFT, "CPU a host, milliseconds", cpu)
        + _plot(LEFT + GAP, "Memory of the whole run, MB", memory)
        + "</svg>\n"
    )


def _plot(left: int, title: str, values: list[tuple[int, float, float, float]]) -> str:
    top_value = _round_up(max(high for _, _, _, high in values))
    low, high = math.log10(values[0][0]), math.log10(values[-1][0])

    def x(hosts: int) -> float:
        return left + PLOT_WIDTH * (math.log10(hosts) - low) / ((high - low) or 1)

    def y(value: float) -> float:
        return TOP + PLOT_HEIGHT * (1 - value / top_value)

    parts = [f'<text class="title" x="{left}" y="{TOP - 24}">{title}</text>']
    for step in range(5):
        value = top_value * step / 4
        parts.append(f'<line class="grid" x1="{left}" x2="{left + PLOT_WIDTH}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>')
        parts.append(f'<text x="{left - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:g}</text>')
    line = " ".join(f"{x(hosts):.1f},{y(value):.1f}" for hosts, value, _, _ in values)
    parts.append(f'<polyline class="line" points="{line}"/>')
    for hosts, value, least, most in values:
        at = f"{x(hosts):.1f}"
        parts.append(f'<line class="spread" x1="{at}" x2="{at}" y1="{y(least):.1f}" y2="{y(most):.1f}"/>')
        parts.append(f'<circle class="dot" cx="{at}" cy="{y(value):.1f}" r="3.5"/>')
        parts.append(f'<text x="{at}" y="{TOP + PLOT_HEIGHT + 20}" text-anchor="middle">{hosts:,}</text>')
    middle = left + PLOT_WIDTH / 2
    parts.append(f'<text x="{middle:g}" y="{TOP + PLOT_HEIGHT + 42}" text-anchor="middle">hosts</text>')
    return "\n".join(parts) + "\n"


def _round_up(value: float) -> float:
    """The next number that divides well into four."""
    unit = 10 ** math.floor(math.log10(value))
    return next(unit * factor for factor in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if unit * factor >= value)
