"""What the recurrent super-resolution networks promise about steps, state and priors."""

from __future__ import annotations

import functools

import pytest
import torch
from torch import Tensor, nn

from facedge.models.contract import SuperResolved
from facedge.models.registry import SPECS
from facedge.models.weights import load

NAMES = [name for name, spec in SPECS.items() if spec.task == "super-resolution"]
PRIORS = ("fsr-priors", "fsr-priors-edge")


@functools.cache
def network(name: str) -> nn.Module:
    return load(SPECS[name]).module


def picture(name: str) -> Tensor:
    side = SPECS[name].input_size
    return torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(7))


@functools.cache
def result(name: str) -> SuperResolved:
    with torch.no_grad():
        found: SuperResolved = network(name)(picture(name))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_shapes_are_the_registrys(name: str) -> None:
    spec, found = SPECS[name], result(name)
    assert len(found.steps) == spec.steps
    assert {tuple(step.shape) for step in found.steps} == {(2, 3, 128, 128)}
    assert tuple(found.state.shape[1:]) == spec.state_shape == network(name).state_shape()
    if name in PRIORS:
        assert found.landmarks is not None
        assert found.action_units is not None
        assert found.landmarks.shape == (2, 68, 32, 32)
        assert found.action_units.shape == (2, 12)
        assert 0 < found.action_units.min() < found.action_units.max() < 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("steps", [1, 2])
def test_a_prefix_of_the_steps_is_a_network_of_its_own(name: str, steps: int) -> None:
    with torch.no_grad():
        found = network(name)(picture(name), steps=steps)
    assert len(found.steps) == steps
    assert all(torch.equal(a, b) for a, b in zip(found.steps, result(name).steps, strict=False))
    assert not torch.equal(found.steps[-1], result(name).steps[-1])


@pytest.mark.parametrize("name", NAMES)
def test_no_state_is_a_state_of_zeros_and_another_state_counts_from_the_first_step(
    name: str,
) -> None:
    zeros = torch.zeros_like(result(name).state)
    with torch.no_grad():
        same = network(name)(picture(name), state=zeros)
        other = network(name)(picture(name), state=result(name).state)
    for found, wanted in zip(same.steps, result(name).steps, strict=True):
        assert torch.equal(found, wanted)
    assert torch.equal(same.state, result(name).state)
    assert (other.steps[0] - result(name).steps[0]).abs().max() > 1e-3


@pytest.mark.parametrize("name", ["fsr-teacher", "fsr-student"])
def test_edges_of_a_step_enter_the_next_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Zeros(nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            return image[:, :1] * 0

    wanted = result(name).steps
    edges = network(name).get_submodule("edges")
    for which, same in ((0, [True, False, False]), (1, [True, True, False])):
        extractor = edges[which]  # type: ignore[index]
        edges[which] = Zeros()  # type: ignore[index]
        try:
            with torch.no_grad():
                found = network(name)(picture(name)).steps
        finally:
            edges[which] = extractor  # type: ignore[index]
        assert [torch.equal(a, b) for a, b in zip(found, wanted, strict=True)] == same


@pytest.mark.parametrize("name", PRIORS)
def test_landmarks_are_read_after_step_one_and_action_units_after_step_two(name: str) -> None:
    with torch.no_grad():
        one, two = (network(name)(picture(name), steps=steps) for steps in (1, 2))
    assert one.landmarks is None
    assert two.landmarks is not None
    assert two.action_units is None
    assert torch.equal(two.landmarks, result(name).landmarks)
    for prior, same in (
        ("embed_landmarks", [True, False, False]),
        ("embed_units", [True, True, False]),
    ):
        handle = (
            network(name)
            .get_submodule(prior)
            .register_forward_hook(
                lambda module, inputs, output: output + torch.ones_like(output).tril()
            )
        )
        try:
            with torch.no_grad():
                found = network(name)(picture(name)).steps
        finally:
            handle.remove()
        pairs = zip(found, result(name).steps, strict=True)
        assert [torch.equal(a, b) for a, b in pairs] == same


@pytest.mark.parametrize("name", PRIORS)
def test_every_parameter_is_reached_by_training(name: str) -> None:
    module = SPECS[name].build()
    found = module(picture(name))
    loss = sum((step.square().mean() for step in found.steps), found.landmarks.square().mean())
    (loss + found.action_units.sum()).backward()
    without = [path for path, p in module.named_parameters() if p.grad is None]
    assert without == []
