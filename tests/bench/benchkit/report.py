"""The figures as Markdown tables, and how they stand to the bars."""

from collections import defaultdict

from benchkit.measure import Series

FLOOR = "one-script"


def tables(all_series: list[Series]) -> str:
    """A table a case: tools as rows, the fastest first."""
    cases = defaultdict(list)
    for series in all_series:
        cases[series.hosts, series.delay, series.run].append(series)
    return "\n".join(_table(case, found) for case, found in sorted(cases.items()))


def _table(case: tuple[int, int, str], found: list[Series]) -> str:
    hosts, delay, run = case
    floor = next((series.median() for series in found if series.tool == FLOOR), None)
    lines = [
        f"### {hosts} {'host' if hosts == 1 else 'hosts'}, {delay} ms, {run} run\n",
        f"| tool | seconds, median (min to max) | × {FLOOR} | controller CPU a task and host | node CPU a host | memory |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for series in sorted(found, key=Series.median):
        low, high = series.spread()
        ratio = f"{series.median() / floor:.2f}" if floor else "-"
        cpu = series.median("cpu") / hosts / series.tasks * 1000
        node = series.median("node_cpu") / hosts * 1000
        wall = f"{series.median():.2f} ({low:.2f} to {high:.2f})"
        lines.append(f"| {series.tool} | {wall} | {ratio} | {cpu:.2f} ms | {node:.0f} ms | {series.memory / 1e6:.0f} MB |")
    return "\n".join(lines) + "\n"


def round_trips(all_series: list[Series]) -> str:
    """The slope over the delay: round trips a task, connecting included."""
    lines = ["| tool | first run | second run |", "| --- | --- | --- |"]
    names = list(dict.fromkeys(series.tool for series in all_series if series.tasks > 1))
    for name in names:
        first, second = (slope(all_series, name, run) for run in ("first", "second"))
        if first is not None and second is not None:
            lines.append(f"| {name} | {first:.2f} | {second:.2f} |")
    return "\n".join(lines) + "\n" if len(lines) > 2 else ""


def slope(all_series: list[Series], tool: str, run: str) -> float | None:
    """Of the smallest number of hosts, where the delay is all that one waits for."""
    found = [series for series in all_series if series.tool == tool and series.run == run]
    if not found:
        return None
    hosts = min(series.hosts for series in found)
    by_delay = {series.delay: series.median() for series in found if series.hosts == hosts}
    low, high = min(by_delay), max(by_delay)
    if low == high:
        return None
    return (by_delay[high] - by_delay[low]) / ((high - low) / 1000) / found[0].tasks


def bars(all_series: list[Series], loading: dict[str, dict[str, float]]) -> str:
    """Every bar that these figures can tell about."""
    rows: list[tuple[str, str, float, float]] = []

    def median(tool: str, hosts: int, run: str = "first", what: str = "wall") -> float | None:
        for series in all_series:
            if (series.tool, series.hosts, series.run, series.delay) == (tool, hosts, run, 0):
                return series.memory / 1e6 if what == "memory" else series.median(what)
        return None

    def at_most(name: str, unit: str, value: float | None, bar: float) -> None:
        if value is not None:
            rows.append((name, unit, value, bar))

    def ratio(one: float | None, other: float | None) -> float | None:
        return one / other if one is not None and other else None

    for hosts, bar in ((10, 0.6), (100, 0.45)):
        at_most(f"{hosts} hosts, first run, × {FLOOR}", "", ratio(median("krun", hosts), median(FLOOR, hosts)), bar)
    for tool, times in (("ansible-tuned", 100), ("mitogen", 25), ("ansible-core-rs", 6), ("pyinfra", 4.5)):
        at_most(f"10 hosts, × {tool}", "", ratio(median("krun", 10), median(tool, 10)), 1 / times)
    for run in ("first", "second"):
        at_most(f"round trips a task, {run} run", "", slope(all_series, "krun", run), 1.2)
    most = max((series.hosts for series in all_series if series.tool == "krun-connect"), default=0)
    for run in ("first", "second"):
        whole, connect = (median(tool, most, run, "cpu") for tool in ("krun", "krun-connect"))
        if whole is not None and connect is not None:
            at_most(f"controller CPU a task and host beside connecting, {run} run", " ms", (whole - connect) / most / 19 * 1000, 0.3)
    at_most("memory, 50 hosts", " MB", median("krun", 50, what="memory"), 30)
    own = loading.get("krun", {})
    for name, bar in (
        ("--version", 7),
        ("500 tasks listed", 50),
        ("500 tasks skipped", 50),
        ("one of 10,000 hosts", 90),
        ("a task without a connection, CPU a host", 0.05),
    ):
        at_most(name, " ms", own.get(name), bar)
    lines = ["| bar | measured | at most | |", "| --- | --- | --- | --- |"]
    for name, unit, value, bar in rows:
        met = "met" if value <= bar else f"missed: {value / bar:.1f} ×"
        lines.append(f"| {name} | {value:.3g}{unit} | {bar:.2g}{unit} | {met} |")
    return "\n".join(lines) + "\n" if rows else ""


def loading_table(loading: dict[str, dict[str, float]]) -> str:
    if not loading:
        return ""
    tools = list(loading)
    names = list(dict.fromkeys(name for found in loading.values() for name in found))
    lines = [f"| milliseconds | {' | '.join(tools)} |", "| --- |" + " --- |" * len(tools)]
    for name in names:
        cells = (f"{loading[tool][name]:.3g}" if name in loading[tool] else "-" for tool in tools)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
