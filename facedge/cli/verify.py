"""``facedge verify``: is the bundle whole, and does this machine play it as the builder did?"""

from __future__ import annotations

import json
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape


def verify(
    bundle: Path = typer.Argument(..., help="Bundle folder."),
    backend: str | None = typer.Option(
        None,
        "--backend",
        "-b",
        help="Only this one; all that are installed otherwise. native: libfacedge.",
    ),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Check every hash of a bundle, then replay its golden vectors on this machine.

    Example: [bold]facedge verify bundles/fsr-student-int8[/bold]
    """
    from facedge.runtime import bundle as bundles
    from facedge.runtime.selftest import require_passed
    from facedge.runtime.selftest import verify as replay

    loaded = bundles.load(bundle, verify=True)
    results = replay(loaded, backend)
    if as_json:
        rows = [
            {
                "backend": r.backend,
                "artifact": r.artifact,
                "status": r.status,
                "tensor": r.tensor,
                "batch": r.batch,
                "detail": r.detail,
            }
            for r in results
        ]
        found = {"bundle": str(bundle), "files": len(loaded.manifest.files) + 1, "results": rows}
        print(json.dumps(found, indent=1))
    else:
        console = Console(highlight=False, soft_wrap=True)
        console.print(f"{len(loaded.manifest.files) + 1} files match their hashes")
        marks = {"passed": "[green]✓[/green]", "failed": "[red]✗[/red]"}
        for r in results:
            text = f"{r.backend} {r.artifact}: {r.detail}"
            console.print(f"{marks.get(r.status, '–')} {escape(text)}")
    require_passed(results)
