"""Devices, precision, and several processes that train as one does."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from facedge.errors import InputError
from facedge.training import parallel
from facedge.training.parallel import Device, bfloat16_is_fast, choose

SCRIPT = """
    import sys
    from pathlib import Path

    import torch
    from training_trees import crops

    from facedge.models.fsr_student import FsrStudent
    from facedge.training import parallel
    from facedge.training.data import Batches
    from facedge.training.degradation import DeNet
    from facedge.training.loop import Budget, Options, Trainer
    from facedge.training.schedule import Schedule
    from facedge.training.super_resolution import EdgeRecurrence, Real

    torch.set_num_threads(1)
    device = parallel.choose("cpu", "float32")
    torch.manual_seed(0)
    student = FsrStudent(width=32, deep=32, deep_blocks=1)
    degradation = DeNet(8).requires_grad_(False)
    real = Real(crops(3, 1, 16), crops(3, 2), batch=1)
    # One step, then two: edges have no gradient at first. One real face: in one process alone.
    schedule = Schedule(grow=0.6, warmup=0.0, settle=1.0)
    objective = EdgeRecurrence(
        student, Batches(crops(8), 4), schedule, degradation=degradation, real=real
    )
    options = Options(part=1, clip=1e9)
    trainer = Trainer(objective, "tiny", Budget(iterations=3), schedule, options, device=device)
    gradients = []
    for _ in range(3):
        trainer.run(report_every=1)
        gradients.append([None if p.grad is None else p.grad.clone() for p in trainer.parameters])
    out = Path(sys.argv[1])
    trainer.save(out / f"last{device.rank}.pt")
    state = {
        "place": (device.rank, device.world, device.first),
        "gradients": gradients,
        "weights": trainer.model.state_dict(),
        "agreed": device.agree(device.rank + 0.5),
    }
    torch.save(state, out / f"{device.world}-{device.rank}.pt")
    if device.world > 1:
        torch.distributed.destroy_process_group()
"""


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """What one process and each of two ended with: by world and rank."""
    folder = tmp_path_factory.mktemp("processes")
    script = folder / "script.py"
    helpers = Path(__file__).parents[1] / "helpers"
    inserted = f"import sys\nsys.path.insert(0, {str(helpers)!r})\n"
    script.write_text(inserted + textwrap.dedent(SCRIPT))
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    for before in ([], torchrun):
        command = [sys.executable, *before, str(script), str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
        assert done.returncode == 0, done.stderr
    names = [path.name for path in folder.glob("last*.pt")]
    found = {path.stem: torch.load(path) for path in folder.glob("*-*.pt")}
    return {**found, "checkpoints": names}


def test_two_processes_know_their_places_and_the_first_saves(ended: Mapping[str, Any]) -> None:
    assert ended["1-0"]["place"] == (0, 1, True)
    assert ended["2-0"]["place"] == (0, 2, True)
    assert ended["2-1"]["place"] == (1, 2, False)
    assert ended["checkpoints"] == ["last0.pt"]


def test_their_gradients_are_those_of_one_process(ended: Mapping[str, Any]) -> None:
    alone = ended["1-0"]["gradients"]
    for rank in ("2-0", "2-1"):
        for iteration, (found, wanted) in enumerate(
            zip(ended[rank]["gradients"], alone, strict=True)
        ):
            for a, b in zip(found, wanted, strict=True):
                if a is None or b is None:
                    assert a is b
                    continue
                # Float32 sums in another order, relative to the largest entry; the second and
                # third iteration begin at weights that differ by as much as Adam makes of it.
                limit = 1e-5 if iteration == 0 else 1e-2
                assert float((a - b).abs().max()) <= limit * float(b.abs().max()) + 1e-9
    assert any(gradient is None for gradient in alone[0])
    assert all(gradient is not None for gradient in alone[2])


def test_their_weights_are_equal_and_those_of_one_process(ended: Mapping[str, Any]) -> None:
    first, second, alone = (ended[key]["weights"] for key in ("2-0", "2-1", "1-0"))
    for name, value in alone.items():
        assert torch.equal(first[name], second[name])
        # A step of Adam is at most about the rate, 1e-3, and its direction a quotient of two
        # gradients: where both are rounding alone it may turn, elsewhere nothing is seen.
        assert float((first[name] - value).abs().mean()) < 1e-5


def test_all_stop_by_the_clock_of_the_first(ended: Mapping[str, Any]) -> None:
    assert ended["2-0"]["agreed"] == ended["2-1"]["agreed"] == 0.5
    assert ended["1-0"]["agreed"] == 0.5


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)


def test_without_a_gpu_the_cpu_is_chosen() -> None:
    assert choose("auto", "float32") == Device(torch.device("cpu"), False, 0, 1)
    assert choose("cpu", "bfloat16").bfloat16


@pytest.mark.parametrize("name", ["tpu", "meta", "cuda:first", ""])
def test_an_unknown_device_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"--device is {name}; expected auto, cpu, cuda"):
        choose(name)


@pytest.mark.parametrize("name", ["cuda", "cuda:0"])
def test_a_gpu_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"{name} and torch finds no GPU here; pass --device cpu"):
        choose(name)


def test_a_gpu_of_a_number_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(InputError, match="--device is cuda:2 and torch finds 2 GPUs here"):
        choose("cuda:2")


def test_each_process_of_a_machine_has_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, device.index))
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    for name, value in {"RANK": "5", "LOCAL_RANK": "1", "WORLD_SIZE": "8"}.items():
        monkeypatch.setenv(name, value)
    assert choose() == Device(torch.device("cuda:1"), True, 5, 8)


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(InputError, match="--precision is fp16; expected auto, float32 or bfloat16"):
        choose("cpu", "fp16")


@pytest.mark.parametrize(
    ("able", "fast"),
    [
        ({"amx_bf16": True, "avx512_bf16": False}, True),
        ({"avx512_bf16": True}, True),
        ({"avx2": True, "avx512_bf16": False}, False),
        ({}, False),
    ],
)
def test_bfloat16_is_chosen_where_the_cpu_multiplies_it(
    monkeypatch: pytest.MonkeyPatch, able: dict[str, bool], fast: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able, raising=False)
    assert bfloat16_is_fast(torch.device("cpu")) is fast
    assert choose("cpu").bfloat16 is fast
    assert not choose("cpu", "float32").bfloat16


def test_bfloat16_is_chosen_from_ampere_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for capability, fast in (((7, 5), False), ((8, 0), True), ((9, 0), True)):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _, c=capability: c)
        assert parallel.bfloat16_is_fast(torch.device("cuda:0")) is fast
