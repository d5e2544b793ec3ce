"""Every super-resolution network exports to ONNX and means the same there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from facedge.models.contract import SuperResolved
from facedge.models.fsr_priors import FsrPriors
from facedge.models.fsr_priors_edge import FsrPriorsEdge
from facedge.models.fsr_student import FsrStudent
from facedge.models.fsr_teacher import FsrTeacher
from facedge.models.seeding import seed

# Narrow and shallow: every kind of layer once or twice, and an export of seconds.
SMALL: dict[str, Callable[[], nn.Module]] = {
    "fsr-teacher": lambda: FsrTeacher(width=8, groups=2, fusion_blocks=1),
    "fsr-student": lambda: FsrStudent(width=32, deep=32, deep_blocks=1),
    "fsr-student-x4": lambda: FsrStudent(scale=4, width=32, deep=32, deep_blocks=1),
    "fsr-priors": lambda: FsrPriors(width=8, groups=2, fusion_blocks=1),
    "fsr-priors-edge": lambda: FsrPriorsEdge(width=32, deep=32, deep_blocks=1, head=32),
}
FORBIDDEN = {"GridSample", "GRU", "LSTM", "Loop", "If", "Scan", "SpaceToDepth", "NonZero"}


class Tensors(nn.Module):
    """Plain tensors in and out, with the hidden state."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, state: Tensor) -> tuple[Tensor, ...]:
        result: SuperResolved = self.network(image, state=state)
        return (*result.steps, result.state)


@pytest.mark.parametrize("name", list(SMALL))
def test_onnx_runtime_gives_every_step_at_batch_one_and_three(name: str) -> None:
    network = SMALL[name]().eval()
    seed(network, 11)
    side = 32 if name.endswith("x4") else 16
    shape = network.state_shape()  # type: ignore[operator]
    random = torch.Generator().manual_seed(5)
    image = torch.rand(3, 3, side, side, generator=random)
    state = 0.1 * torch.rand(3, *shape, generator=random)
    wrapper = Tensors(network)
    batch = torch.export.Dim("batch")
    program = torch.onnx.export(
        wrapper,
        (image[:2], state[:2]),
        dynamo=True,
        opset_version=18,
        input_names=["image", "state_in"],
        dynamic_shapes=({0: batch}, {0: batch}),
        external_data=False,
        verbose=False,
    )
    assert program is not None
    model = program.model_proto
    onnx.checker.check_model(model, full_check=True)
    assert not {node.op_type for node in model.graph.node} & FORBIDDEN
    for value in (*model.graph.input, *model.graph.output):
        assert value.type.tensor_type.shape.dim[0].dim_param == "batch"
    session = onnxruntime.InferenceSession(model.SerializeToString())
    for count in (1, 3):
        feeds = {"image": image[:count].numpy(), "state_in": state[:count].numpy()}
        found = session.run(None, feeds)
        with torch.no_grad():
            wanted = wrapper(image[:count], state[:count])
        assert len(found) == len(wanted) == 4
        np.testing.assert_allclose(found[0], wanted[0].numpy(), atol=1e-5)  # float32 rounding
        for array, tensor in zip(found, wanted, strict=True):
            close = np.isclose(array, tensor.numpy(), atol=1e-4)
            # Rounding may flip a pixel of the Canny map, which is felt in its neighbourhood.
            assert array.std() > 0.01
            assert close.mean() > 0.98
