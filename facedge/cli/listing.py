"""``facedge models`` and ``facedge passes``: what there is to choose from."""

from __future__ import annotations

import json

import typer
from rich.console import Console
from rich.table import Table

from facedge.extras import require

_PASS = ("name", "dialect", "summary")


def models(
    as_json: bool = typer.Option(False, "--json", help="Print one JSON array."),
) -> None:
    """List the models with their input, output, parameters and multiply-accumulates.

    Example: [bold]facedge models[/bold]
    """
    require("torch", "export", "list the models with their cost")
    from facedge.models.cost import module_cost
    from facedge.models.registry import SPECS

    rows = []
    for spec in SPECS.values():
        cost = module_cost(spec)
        rows.append(
            {
                "name": spec.name,
                "system": spec.system,
                "task": spec.task,
                "input": spec.input_size,
                "output": spec.output_size or None,
                "steps": spec.steps,
                "parameters": cost.parameters,
                "macs": cost.macs,
                "paper": f"arXiv {spec.paper}",
                "summary": spec.summary,
            }
        )
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    table = Table(title="Models", title_justify="left")
    for heading in ("name", "system", "in", "out", "steps"):
        table.add_column(heading)
    table.add_column("parameters", justify="right")
    table.add_column("GMACs", justify="right")
    for row in rows:
        out = f"{row['output']}x{row['output']}" if row["output"] else "12 AUs"
        table.add_row(
            str(row["name"]),
            str(row["system"]),
            f"{row['input']}x{row['input']}",
            out,
            str(row["steps"]),
            f"{row['parameters']:,}",
            f"{int(str(row['macs'])) / 1e9:.2f}",
        )
    console = Console(highlight=False)
    console.print(table)
    for row in rows:
        console.print(f"[bold]{row['name']}[/bold]: {row['summary']} ({row['paper']})")


def passes(
    as_json: bool = typer.Option(False, "--json", help="Print one JSON array."),
) -> None:
    """List the graph rewrites in the order a build applies them; each is exact.

    Example: [bold]facedge passes[/bold]; what a build gained by each stands in its report.
    """
    require("onnx", "export", "list the rewrites")
    from facedge.export.passes import CPU_PASSES, PASSES

    rows = [(p.name, "all", p.summary) for p in PASSES]
    rows += [(p.name, ", ".join(p.dialects), p.summary) for p in CPU_PASSES]
    if as_json:
        print(json.dumps([dict(zip(_PASS, row, strict=True)) for row in rows], indent=1))
        return
    table = Table(title="Rewrites, in order", title_justify="left")
    for heading in _PASS:
        table.add_column(heading, no_wrap=heading == "name")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
