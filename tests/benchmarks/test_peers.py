"""Every peer computes what torch computes, and one that cannot says why."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys

import numpy as np
import onnx
import pytest
import torch
from tiny_peer import work

from facedge.benchmarks.cases import case_of
from facedge.benchmarks.peers import ncnn_pnnx, torch_cuda
from facedge.benchmarks.peers.quantize_static import quantised
from facedge.benchmarks.peers.registry import PEERS, get
from facedge.errors import BackendError, InputError

TOLERANCE = {
    "fp32": 1e-5,  # sums in another order
    "own": 1e-2,  # bfloat16 keeps 8 bits of a number below 1, and two layers round
    "int8": 5e-2,  # 8 bits over the range of weights and activations, through two layers
}
HERE = [peer.name for peer in PEERS if peer.device == "cpu"]
NEEDED = {"pnnx, ncnn": ("ncnn", "pnnx"), "NNCF, openvino": ("nncf", "openvino")}


def opened(name):
    """The peer, ready; the test is skipped where what it is made of is not installed."""
    peer = get(name)
    for package in NEEDED.get(name, (peer.engine,)):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed: it comes with the extra peers")
    if name == "torch.compile" and shutil.which(os.environ.get("CXX", "g++")) is None:
        pytest.skip("torch.compile calls a C++ compiler, and there is none")
    return peer.open(work())


@pytest.mark.parametrize("name", HERE)
def test_a_peer_gives_what_torch_gives(name):
    peer, given, run = get(name), work(), opened(name)
    face = given.face()
    with torch.inference_mode():
        (expected,) = given.network(torch.from_numpy(face))
    (found,) = run(face)
    assert found.dtype == np.float32
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected.numpy(), atol=TOLERANCE[peer.precision])


@pytest.mark.parametrize("name", [n for n in HERE if not get(n).single and n != "torch eager"])
def test_a_peer_takes_any_batch(name):
    given, run = work(), opened(name)
    together = run(np.ascontiguousarray(given.calibration[:3]))[0].copy()
    alone = [run(given.calibration[i : i + 1])[0].copy() for i in range(3)]
    # another batch may add in another order, and bfloat16 keeps 8 bits
    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-2)


def test_quantize_static_makes_integer_convolutions_of_the_plain_export():
    model = onnx.load_from_string(quantised(work().exported, work().calibration))
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("Conv") == 2
    assert kinds.count("QuantizeLinear") >= 2


@pytest.mark.parametrize(("name", "module"), [("NNCF, openvino", "nncf"), ("pnnx, ncnn", "ncnn")])
def test_a_package_that_is_missing_is_named_with_its_extra(monkeypatch, name, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(BackendError, match=rf"{module} is needed .*facedge\[peers\]"):
        get(name).open(work())


def test_without_a_compiler_torch_compile_says_so(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(BackendError, match="no-such-compiler was not found"):
        get("torch.compile").open(work())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("peer", [torch_cuda.EAGER, torch_cuda.GRAPHS])
def test_without_a_gpu_the_peers_on_it_say_so(peer):
    with pytest.raises(BackendError, match="no CUDA device"):
        peer.open(work())


def test_without_the_cuda_provider_onnxruntime_says_so():
    with pytest.raises(BackendError, match="CUDA"):
        get("plain export, onnxruntime cuda").open(work())


def test_operators_that_ncnn_lacks_are_found_in_what_pnnx_wrote():
    param = "7767517\n3 3\nInput in0 0 1 in0\nConvolution a 1 1 in0 0\ntorch.ge b 1 1 0 1\n"
    assert ncnn_pnnx.unknown_layers(param) == ["torch.ge"]


def test_names_of_peers_are_unique_and_known():
    assert len({peer.name for peer in PEERS}) == len(PEERS)
    with pytest.raises(InputError, match="no peer 'x'; choose of"):
        get("x")
    with pytest.raises(InputError, match="no peer 'x'; choose of"):
        case_of("fsr-student", ("x",))


def test_what_everything_is_compared_with_is_always_measured():
    found = case_of("fsr-student", ("NNCF, openvino",)).peers
    assert found == ("torch eager", "plain export, onnxruntime", "NNCF, openvino")
