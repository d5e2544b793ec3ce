"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Model = Annotated[str, typer.Option("--model", "-m", help="Model name; see `facedge models`.")]
Ranges = Annotated[
    Path | None, typer.Option("--ranges", help="Use this ranges file; see `facedge calibrate`.")
]
Method = Annotated[
    str | None,
    typer.Option("--method", help="How ranges are taken: minmax, percentile, entropy or mse."),
]
Steps = Annotated[
    int | None, typer.Option("--steps", help="Keep only the first K recurrent steps.")
]
Images = Annotated[int, typer.Option("--images", min=1, help="Measure on this many pictures.")]
Weights = Annotated[
    Path | None,
    typer.Option(
        "--weights", help="Your safetensors file. Default: the shipped weights, or seeded ones."
    ),
]
