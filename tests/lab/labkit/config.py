"""What a lab is made of, kept in its lab.json."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from labkit.layout import Layout, Node, masters, workers

NO_CLUSTER = "none"


@dataclass
class Config:
    masters: int
    workers: int
    kind: str
    version: str
    base: str = ""
    saved: str | None = None  # the saved disks that the nodes started from
    binds: tuple = ()  # (host path, node path, read only), from the kind of cluster
    complete: bool = False  # False while `up` is at work, so for ever when that was interrupted

    def nodes(self) -> list[Node]:
        return masters(self.masters) + workers(self.workers)

    def same_request(self, other: "Config") -> bool:
        return (self.masters, self.workers, self.kind, self.version) == (
            other.masters,
            other.workers,
            other.kind,
            other.version,
        )

    def describe(self) -> str:
        cluster = "no cluster" if self.kind == NO_CLUSTER else f"a {self.kind} cluster {self.version}"
        return f"{self.masters} master(s), {self.workers} worker(s), {cluster}"

    def saved_path(self) -> Path | None:
        return Path(self.saved) if self.saved else None

    def write(self, layout: Layout) -> None:
        """Replaces the file at once, so that nobody reads half of it."""
        layout.state.mkdir(parents=True, exist_ok=True)
        draft = layout.config.with_suffix(".new")
        draft.write_text(json.dumps(asdict(self), indent=2) + "\n")
        draft.rename(layout.config)


def read(layout: Layout) -> Config | None:
    try:
        return Config(**json.loads(layout.config.read_text()))
    except FileNotFoundError:
        return None
