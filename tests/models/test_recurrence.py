"""What the recurrent super-resolution networks promise about steps, state and priors."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from facedge.models.contract import SuperResolved
from facedge.models.registry import SPECS

EDGES = pytest.mark.parametrize("network", ["fsr-teacher", "fsr-student"], indirect=True)
PRIORS = pytest.mark.parametrize("network", ["fsr-priors", "fsr-priors-edge"], indirect=True)


def run(
    network: nn.Module, *, state: Tensor | None = None, steps: int | None = None
) -> SuperResolved:
    side = 128 // int(network.scale)  # type: ignore[arg-type]
    picture = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(7))
    result: SuperResolved = network(picture, state=state, steps=steps)
    return result


def same(found: SuperResolved, wanted: SuperResolved) -> list[bool]:
    return [torch.equal(a, b) for a, b in zip(found.steps, wanted.steps, strict=True)]


@pytest.mark.parametrize("name", [n for n, s in SPECS.items() if s.task == "super-resolution"])
def test_shapes_are_the_registrys(name: str) -> None:
    spec = SPECS[name]
    with torch.device("meta"):
        network = spec.build()
        found = network(torch.empty(2, 3, spec.input_size, spec.input_size))
    assert len(found.steps) == spec.steps
    assert {tuple(step.shape) for step in found.steps} == {(2, 3, 128, 128)}
    assert spec.output_size == 128
    shape = network.state_shape()  # type: ignore[operator]
    assert tuple(found.state.shape[1:]) == spec.state_shape == shape
    if spec.system == "S2":
        assert found.landmarks.shape == (2, 68, 32, 32)
        assert found.action_units.shape == (2, 12)


def test_a_prefix_of_the_steps_is_a_network_of_its_own(network: nn.Module) -> None:
    whole = run(network)
    for steps in (1, 2):
        found = run(network, steps=steps)
        assert len(found.steps) == steps
        assert all(torch.equal(a, b) for a, b in zip(found.steps, whole.steps, strict=False))
        assert not torch.equal(found.steps[-1], whole.steps[-1])


def test_no_state_is_a_state_of_zeros(network: nn.Module) -> None:
    wanted = run(network)
    found = run(network, state=torch.zeros_like(wanted.state))
    assert same(found, wanted) == [True, True, True]
    assert torch.equal(found.state, wanted.state)


def test_a_state_counts_from_the_first_step(network: nn.Module) -> None:
    wanted = run(network)
    found = run(network, state=wanted.state)
    assert (found.steps[0] - wanted.steps[0]).abs().max() > 1e-4


@EDGES
@pytest.mark.parametrize(
    ("which", "unchanged"), [(0, [True, False, False]), (1, [True, True, False])]
)
def test_canny_enters_the_second_step_and_dog_the_third(
    network: nn.Module, which: int, unchanged: list[bool]
) -> None:
    class Zeros(nn.Module):
        def __init__(self, edges: nn.Module) -> None:
            super().__init__()
            self.edges = edges

        def forward(self, image: Tensor) -> Tensor:
            found: Tensor = self.edges(image)
            return found * 0

    wanted = run(network)
    network.edges[which] = Zeros(network.edges[which])  # type: ignore[index, operator]
    assert same(run(network), wanted) == unchanged


@PRIORS
@pytest.mark.parametrize(
    ("prior", "unchanged"),
    [("embed_landmarks", [True, False, False]), ("embed_units", [True, True, False])],
)
def test_landmarks_enter_the_second_step_and_action_units_the_third(
    network: nn.Module, prior: str, unchanged: list[bool]
) -> None:
    wanted = run(network)
    network.get_submodule(prior).weight.neg_()  # type: ignore[operator]
    assert same(run(network), wanted) == unchanged


@PRIORS
def test_a_prefix_has_the_priors_it_used(network: nn.Module) -> None:
    one, two, three = (run(network, steps=steps) for steps in (1, 2, 3))
    assert one.landmarks is None
    assert one.action_units is two.action_units is None
    assert two.landmarks is not None
    assert three.landmarks is not None
    assert torch.equal(two.landmarks, three.landmarks)
    assert three.action_units is not None
    assert 0 < three.action_units.min() < three.action_units.max() < 1


@PRIORS
def test_every_parameter_is_reached_by_training(network: nn.Module) -> None:
    found = run(network.requires_grad_())
    assert found.landmarks is not None
    assert found.action_units is not None
    pictures = torch.stack(found.steps).square().mean()
    (pictures + found.landmarks.square().mean() + found.action_units.sum()).backward()
    assert [path for path, p in network.named_parameters() if p.grad is None] == []
