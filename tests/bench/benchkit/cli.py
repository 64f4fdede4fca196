"""The command line of the bench."""

import argparse
import json
import os
import signal
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from labkit.errors import LabError

from benchkit import growth, loading, measure, picture, report, tools
from benchkit.nodes import Nodes, remove_leftovers
from benchkit.tools import Case

DESCRIPTION = """\
Does the same work with krun and its peers on the same nodes, in turn, and prints what each took. Needs root. Peers are
installed from PyPI into $KRUN_BENCH_CACHE (else ~/.cache/krun-bench) the first time. Everything runs in network namespaces
without a way out, and is removed at the end, after Ctrl-C too; what a killed bench left, the next one removes."""


def numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


def names(text: str) -> list[str]:
    chosen = tools.ALL if text == "all" else text.split(",")
    if unknown := set(chosen) - set(tools.ALL):
        raise argparse.ArgumentTypeError(f"no such tool: {', '.join(unknown)} (there are {', '.join(tools.ALL)})")
    return chosen


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description=DESCRIPTION)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--krun", type=Path, metavar="FILE", help="this krun [default: a release build of the tree]")
    common.add_argument("--runs", type=int, default=3, help="counted runs, after one that is not [default: 3]")
    common.add_argument("--json", type=Path, metavar="FILE", help="writes all figures there, too")
    commands = parser.add_subparsers(dest="command", required=True)
    work = commands.add_parser("work", parents=[common], help="the reference work, on plain sshd nodes")
    work.add_argument("--tools", type=names, default=tools.ALL, metavar="LIST", help=f"of {','.join(tools.ALL)}")
    work.add_argument("--hosts", type=numbers, default=[1, 10, 50, 200], metavar="LIST", help="[default: 1,10,50,200]")
    work.add_argument(
        "--delays", type=numbers, default=[0, 20, 100], metavar="LIST", help="round trips, ms [default: 0,20,100]"
    )
    start = commands.add_parser("loading", parents=[common], help="start-up, long playbooks, large inventories")
    start.add_argument("--tools", type=names, default=tools.ALL, metavar="LIST", help="krun,ansible-core-rs,ansible")
    grow = commands.add_parser("growth", parents=[common], help="krun on simulated hosts, up to 1,000")
    grow.add_argument("--hosts", type=numbers, default=growth.COUNTS, metavar="LIST", help="[default: 10 to 1,000]")
    grow.add_argument("--picture", type=Path, metavar="FILE", help="draws the figures, as SVG")
    bars = commands.add_parser("bars", help="how figures of --json files stand to the targets")
    bars.add_argument("figures", type=Path, nargs="+")
    return parser


def main() -> int:
    options = parser().parse_args()
    for number in ENDINGS:
        signal.signal(number, end)
    if options.command == "bars":
        return show_bars(options.figures)
    if options.command != "loading" and os.geteuid() != 0:
        print("the bench makes network namespaces: run it as root", file=sys.stderr)
        return 1
    if options.runs < 1:
        print("--runs: at least one run has to count", file=sys.stderr)
        return 2
    options.krun = options.krun and options.krun.resolve()
    try:
        figures = {"work": work, "loading": start, "growth": grow}[options.command](options)
    except (LabError, RuntimeError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def end(number: int, _) -> None:
    """Leaves through all `with` blocks; a second signal must not cut the tidying up short."""
    for other in ENDINGS:
        signal.signal(other, signal.SIG_IGN)
    sys.exit(128 + number)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def work(options) -> dict:
    # Before the first namespace: this may need the Internet, and takes its time.
    chosen = tools.choose(options.tools, options.krun)
    found, left_out = [], []

    def said(line: str) -> None:
        say(line)
        if line.startswith("LEFT OUT"):
            left_out.append(line)

    say(f"bench {os.getpid()}")
    with Nodes(os.getpid()) as nodes:
        nodes.know(nodes.hosts(max(options.hosts)))
        for delay in options.delays:
            with nodes.delayed(delay) as measured:
                say(f"a round trip takes {measured:.2f} ms")
                for hosts in options.hosts:
                    found += measure.measure(Case(nodes, nodes.hosts(hosts)), chosen, delay, options.runs, said)
    print(report.tables(found))
    if slopes := report.round_trips(found):
        print(f"### Round trips a task\n\n{slopes}")
    if compared := report.bars(found, {}):
        print(f"### Bars\n\n{compared}")
    print("\n".join(left_out))
    if left_out:
        say("some tools were left out: see above")
    return {"work": [series.as_json() for series in found], "left_out": left_out}


def start(options) -> dict:
    with tempfile.TemporaryDirectory(prefix="krun-bench-loading-") as folder:
        found = loading.measure(Path(folder), options.tools, options.krun, options.runs, say)
    print(report.loading_table(found))
    return {"loading": found}


def grow(options) -> dict:
    remove_leftovers()
    points = growth.measure(os.getpid(), options.krun, options.hosts, options.runs, say)
    print(growth.table(points))
    if options.picture:
        options.picture.write_text(picture.draw(points))
    return {"growth": [asdict(point) for point in points]}


def show_bars(files: list[Path]) -> int:
    series, found = [], {}
    for file in files:
        figures = json.loads(file.read_text())
        for one in figures.get("work", []):
            samples = [measure.Sample(**sample) for sample in one.pop("samples")]
            series.append(measure.Series(samples=samples, **one))
        found |= figures.get("loading", {})
    print(report.bars(series, found))
    return 0
