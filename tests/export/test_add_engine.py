"""A plan added to a bundle: where the bundle really lies, whole or not at all."""

from __future__ import annotations

import pytest
from tiny_bundle import make_bundle

from facedge.errors import InputError
from facedge.export import add_engine as module
from facedge.export.add_engine import add_engine
from facedge.export.engines.plan import Plan
from facedge.progress import Stages
from facedge.runtime.bundle import load

PLAN = Plan(b"plan", "tensorrt-rtx", "1.7.1", "ampere+", 8)


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    """A bundle, and a compiler that always succeeds."""
    monkeypatch.setattr(module.nvinfer, "module", lambda backend: None)
    monkeypatch.setattr(module, "build_plan", lambda onnx, options: PLAN)
    return make_bundle(tmp_path / "t", extra={"onnx/tensorrt.onnx": b"graph"})


def add(bundle, backend="tensorrt-rtx"):
    return add_engine(
        bundle,
        backend,
        max_batch=8,
        timing_cache=None,
        version_compatible=False,
        hardware_compatible=False,
        stages=Stages(quiet=True),
    )


def test_the_plan_is_listed_and_hashed(bundle):
    assert add(bundle).path == PLAN.path
    loaded = load(bundle)
    assert loaded.backends == ("onnxruntime", "openvino", "tensorrt-rtx")
    assert loaded.read(PLAN.path) == b"plan"


def test_a_second_plan_of_the_same_name_replaces_the_first(bundle):
    add(bundle)
    add(bundle)
    assert len(load(bundle).artifacts("tensorrt-rtx")) == 1


def test_a_bundle_may_be_given_as_the_folder_one_is_in(bundle, monkeypatch):
    monkeypatch.chdir(bundle)
    add(module.Path("."))
    assert load(bundle).artifacts("tensorrt-rtx")


def test_a_link_to_a_bundle_stays_a_link(bundle, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(bundle)
    add(link)
    assert link.is_symlink()
    assert load(bundle).artifacts("tensorrt-rtx")


def test_a_backend_without_plans_is_refused(bundle):
    with pytest.raises(InputError, match="choose from tensorrt, tensorrt-rtx"):
        add(bundle, "openvino")
