"""dbt's events as lines: every model and test as it ends, and what is running now."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dataops_cli.console import Console
from dataops_cli.dbt.graph import Graph, Node

if TYPE_CHECKING:
    from rich.text import Text

STYLES = {"success": "green", "pass": "green", "warn": "yellow", "skipped": "dim", "no-op": "dim"}


class LayerProgress:
    """Listens to one `dbt build`. dbt calls it from several threads."""

    def __init__(
        self, layer: str, total: int, graph: Graph, console: Console, rename: Callable[[str], None]
    ) -> None:
        self.finished: dict[str, str] = {}
        self.layer = layer
        self._total = total
        self._graph = graph
        self._console = console
        self._rename = rename
        self._running: dict[str, str] = {}
        self._lock = threading.Lock()

    def __call__(self, event: Any) -> None:
        name = event.info.name
        if name not in ("NodeStart", "NodeFinished"):
            return
        unique_id = event.data.node_info.unique_id
        node = self._graph.nodes.get(unique_id)
        if node is None:
            return
        with self._lock:
            if name == "NodeStart":
                self._running[unique_id] = node.name
            else:
                self._running.pop(unique_id, None)
                result = event.data.run_result
                self.finished[unique_id] = result.status
                self._console.progress(_line(node, result.status, result.execution_time, result.num_failures))
            now = ", ".join(self._running.values())
            self._rename(f"{self.layer} {len(self.finished)}/{self._total} {now}"[:100])


def _line(node: Node, status: str, seconds: float, failures: int) -> Text:
    from rich.text import Text

    what = node.materialization if node.kind != "test" else "test"
    text = Text.assemble(
        "  ",
        (f"{status:<8}", STYLES.get(status, "bold red")),
        f"{node.layer:<7}{what:<6}{node.name}",
        (f"  {seconds:.2f} s", "dim") if status != "skipped" else "",
    )
    if node.kind == "test" and failures:
        text.append(f"  {failures} row{'s' * (failures != 1)}", "bold")
    return text
