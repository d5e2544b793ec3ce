"""Every super-resolution network exports to ONNX and means the same there."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from facedge.models.contract import SuperResolved

FORBIDDEN = {"GridSample", "GRU", "LSTM", "Loop", "If", "Scan", "SpaceToDepth", "NonZero"}


class Tensors(nn.Module):
    """Plain tensors in and out, with the hidden state."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, state: Tensor) -> tuple[Tensor, ...]:
        result: SuperResolved = self.network(image, state=state)
        return (*result.steps, result.state)


def test_onnx_runtime_gives_every_step_at_batch_one_and_three(network: nn.Module) -> None:
    side = 128 // int(network.scale)  # type: ignore[arg-type]
    shape = network.state_shape()  # type: ignore[operator]
    random = torch.Generator().manual_seed(5)
    image = torch.rand(3, 3, side, side, generator=random)
    state = 0.1 * torch.rand(3, *shape, generator=random)
    wrapper = Tensors(network).eval()
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
