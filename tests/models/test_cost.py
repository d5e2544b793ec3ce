"""The size of every model, held to the number."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from facedge.models.cost import module_cost, table
from facedge.models.feedback import Reconstruction
from facedge.models.registry import SPECS

COSTS = {
    "fsr-teacher": (3_302_672, 3_440_046_080),
    "fsr-student": (1_185_968, 1_334_669_312),
    "fsr-student-x4": (1_180_592, 1_334_669_312),
    "fsr-priors": (5_651_099, 10_231_497_216),
    "fsr-priors-edge": (2_544_300, 1_777_751_552),
    "au-gcn": (26_041_766, 8_769_536_000),
    "au-gcn-edge": (2_953_294, 829_752_320),
}


@pytest.mark.parametrize("name", list(SPECS))
def test_parameters_and_macs_of_a_model(name: str) -> None:
    spec, cost = SPECS[name], module_cost(SPECS[name])
    assert tuple(cost) == COSTS[name]
    if spec.mac_limit is not None:
        assert cost.macs <= spec.mac_limit


def test_limits_are_those_of_the_design() -> None:
    limits = {name: spec.mac_limit for name, spec in SPECS.items() if spec.mac_limit}
    assert limits == {
        "fsr-student": 1_500_000_000,
        "fsr-student-x4": 1_500_000_000,
        "fsr-priors-edge": 2_000_000_000,
        "au-gcn-edge": 1_500_000_000,
    }


def test_steps_of_the_student_cost_the_same() -> None:
    spec = SPECS["fsr-student"]
    one, two, three = (module_cost(spec, steps).macs for steps in (1, 2, 3))
    assert one < two < three
    # The first step also makes the picture's features, later ones embed edges: 32 filters of 2x2
    # on Canny's 64x64, of 4x4 on 128x128.
    canny = 64 * 64 * (3 * 4 + 25 + 2 * 9) + 32 * 32 * 32 * 4
    dog = 128 * 128 * (3 + 81) + 32 * 32 * 32 * 16
    assert (three - two) - (two - one) == dog - canny
    assert (two - one) - canny == one - 16 * 16 * 256 * 27


def test_transposed_convolutions_count_by_their_input_grid() -> None:
    class Only(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.reconstruct = Reconstruction(5)

        def forward(self, image: Tensor, steps: int | None) -> Tensor:
            out: Tensor = self.reconstruct(torch.zeros(1, 5, 32, 32, device=image.device))
            return out

    cost = module_cost(replace(SPECS["fsr-priors"], build=Only))
    assert cost.macs == 32 * 32 * 5 * 5 * 8 * 8 + 128 * 128 * 5 * 3 * 9
    assert cost.parameters == (5 * 5 * 64 + 5) + 1 + (5 * 3 * 9 + 3)


def test_table_has_a_row_for_every_model_and_stands_in_the_documentation() -> None:
    rows = table().splitlines()
    assert [re.findall(r"`([\w-]+)`", row)[0] for row in rows[2:]] == list(SPECS)
    page = Path(__file__).parents[2] / "docs" / "models.md"
    assert table() in page.read_text()
