"""The layout by Graphviz: nodes and nested plates placed by the program ``dot``, where it is installed.

Graphviz keeps what does not belong to a cluster outside of it, but its clusters only nest: a diagram whose plates cross
has to be laid out by `cavi.templates.plates.place`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from typing import Any

from cavi.derive.errors import CaviError
from cavi.templates.plates.diagram import Plate, PlateDiagram
from cavi.templates.plates.picture import Picture, Placed, Rectangle
from cavi.templates.plates.place import finished, shaped

_SECONDS = 20


def found() -> str | None:
    """The path of the program; None where it is not installed."""
    return shutil.which("dot")


def placed_by_dot(diagram: PlateDiagram) -> Picture:
    """The picture by Graphviz.

    Raises:
        CaviError: where ``dot`` is missing or fails, and for plates that cross.
    """
    program = found()
    if program is None:
        raise CaviError("the program dot is not installed; install Graphviz, or use layout='own'")
    if not diagram.nested:
        raise CaviError(f"the plates of {diagram.name} cross, which Graphviz cannot draw; use layout='own'")
    nodes = {p.node.name: p for p in map(shaped, diagram.nodes)}
    try:
        done = subprocess.run(
            [program, "-Tjson"],
            input=source(diagram, nodes),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise CaviError(f"dot could not lay out {diagram.name} ({error}); use layout='own'") from error
    places = json.loads(done.stdout)
    return finished(diagram, "Graphviz (dot)", _nodes(places, diagram, nodes), _boxes(places, diagram))


def source(diagram: PlateDiagram, nodes: dict[str, Placed]) -> str:
    """The diagram in the language of ``dot``: numbered nodes with their sizes, plates as clusters."""
    number = {n.name: i for i, n in enumerate(diagram.nodes)}
    lines = ["digraph {", '  node [shape=box, fixedsize=true, label=""]; nodesep=0.4; ranksep=0.35;']
    inside = _innermost(diagram)

    def write(parent: int | None, indent: str) -> None:
        for name, place in inside.items():
            if place == parent:
                left, top, right, bottom = nodes[name].extent
                # The label of a dot stands on one side; the box around both has the dot in its middle.
                width = 2 * max(-left, right) / 72
                height = 2 * max(-top, bottom) / 72 if nodes[name].shape != "dot" else (bottom - top) / 72
                lines.append(f"{indent}n{number[name]} [width={width:.3f}, height={height:.3f}];")
        for place in range(len(diagram.plates)):
            if _parent(diagram, place) == parent:
                lines.append(f'{indent}subgraph cluster_{place} {{ margin=16; label=" "; labelloc=b;')
                write(place, indent + "  ")
                lines.append(indent + "}")

    write(None, "  ")
    for e in diagram.edges:
        beside = " [constraint=false]" if e.kind == "before" else ""
        lines.append(f"  n{number[e.tail]} -> n{number[e.head]}{beside};")
    return "\n".join([*lines, "}"])


def _innermost(diagram: PlateDiagram) -> dict[str, int | None]:
    """The last plate, from the outermost inward, that holds each node."""
    found: dict[str, int | None] = {n.name: None for n in diagram.nodes}
    for place, plate in enumerate(diagram.plates):
        for name in plate.members:
            found[name] = place
    return found


def _parent(diagram: PlateDiagram, place: int) -> int | None:
    """The plate just around a plate; of two with the same nodes the earlier one is outside."""
    around = [i for i in range(place) if diagram.plates[place].members <= diagram.plates[i].members]
    return around[-1] if around else None


def _nodes(places: dict[str, Any], diagram: PlateDiagram, nodes: dict[str, Placed]) -> list[Placed]:
    at = {o["name"]: o["pos"].split(",") for o in places["objects"] if "pos" in o}
    result = []
    for i, n in enumerate(diagram.nodes):
        p = nodes[n.name]
        x, y = (float(v) for v in at[f"n{i}"])
        shift = (p.extent[3] + p.extent[1]) / 2 if p.shape == "dot" else 0.0
        result.append(replace(p, x=x, y=-y - shift))
    return result


def _boxes(places: dict[str, Any], diagram: PlateDiagram) -> list[tuple[Plate, Rectangle]]:
    boxes: list[tuple[Plate, Rectangle]] = []
    for o in places["objects"]:
        if o["name"].startswith("cluster_"):
            x0, y0, x1, y1 = (float(v) for v in o["bb"].split(","))
            boxes.append((diagram.plates[int(o["name"].removeprefix("cluster_"))], (x0, -y1, x1, -y0)))
    return boxes
