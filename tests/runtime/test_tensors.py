"""A manifest whose parts do not fit each other is refused before anything is played."""

from __future__ import annotations

import msgspec
import pytest
from tiny_bundle import (
    IMAGES,
    LANDMARKS,
    PROBABILITIES,
    RESTORED,
    STATE_IN,
    STATE_OUT,
    au_model,
    make_bundle,
    make_manifest,
    sr_model,
)

from facedge.errors import BackendError, BundleError
from facedge.runtime.bundle import load
from facedge.runtime.manifest import Manifest, TensorSpec
from facedge.runtime.session import Session
from facedge.runtime.tensors import contradiction


def changed(spec: TensorSpec, **changes: object) -> TensorSpec:
    return msgspec.structs.replace(spec, **changes)


@pytest.mark.parametrize("model", [sr_model(), sr_model(stateful=True), au_model()])
def test_sound_manifests_are_played(model):
    assert contradiction(make_manifest(model)) == ""


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"inputs": ()}, "its inputs are none, expected images"),
        ({"inputs": (STATE_IN,)}, "its inputs are state_in, expected images"),
        ({"inputs": (IMAGES, IMAGES)}, "its inputs are images, images"),
        ({"outputs": ()}, "its outputs are none, expected restored"),
        ({"outputs": (RESTORED, LANDMARKS)}, "its outputs are restored, landmarks"),
        ({"stateful": True}, "expected images, state_in"),
        ({"task": "action-units"}, "expected probabilities, landmarks"),
        ({"inputs": (changed(IMAGES, dtype="float32"),)}, "images is float32"),
        ({"inputs": (changed(IMAGES, dtype="banana"),)}, "images is banana"),
        ({"inputs": (changed(IMAGES, shape=()),)}, "images is uint8 []"),
        ({"inputs": (changed(IMAGES, shape=(-1,)),)}, "images is uint8 [-1]"),
        ({"inputs": (changed(IMAGES, shape=(2, 4, 4, 3)),)}, "the first -1"),
        ({"inputs": (changed(IMAGES, shape=(-1, -1, -1, 3)),)}, "the others fixed"),
        ({"inputs": (changed(IMAGES, shape=(-1, 4, 4, 1)),)}, "size [4, 4, 1], expected [4, 4, 3]"),
        ({"scale": 3}, "restored is of size [8, 8, 3], expected [12, 12, 3]"),
        ({"scale": 0}, "expected [0, 0, 3]"),
    ],
)
def test_what_cannot_be_played_is_said(fields, words):
    assert words in contradiction(make_manifest(sr_model(), **fields))


def test_states_of_two_sizes_are_refused():
    other = changed(STATE_OUT, shape=(-1, 9, 4, 4))
    manifest: Manifest = make_manifest(sr_model(stateful=True), outputs=(RESTORED, other))
    assert "state_out is of size [9, 4, 4]" in contradiction(manifest)


def test_too_few_action_units_are_refused():
    few = changed(PROBABILITIES, shape=(-1, 8))
    manifest = make_manifest(au_model(), outputs=(few, LANDMARKS))
    assert "probabilities is of size [8], expected [12]" in contradiction(manifest)


def test_a_sealed_bundle_that_contradicts_itself_does_not_load(tmp_path):
    with pytest.raises(BundleError, match=r"contradicts itself: its inputs are none"):
        load(make_bundle(tmp_path / "t", inputs=()))


def test_a_graph_of_another_size_than_the_manifest_is_refused(tmp_path):
    consistent = {
        "inputs": (changed(IMAGES, shape=(-1, 8, 8, 3)),),
        "outputs": (changed(RESTORED, shape=(-1, 16, 16, 3)),),
    }
    path = make_bundle(tmp_path / "t", sr_model(), **consistent)
    words = r"images as uint8 \[N, 4, 4, 3\], the manifest says uint8 \[N, 8, 8, 3\]"
    with pytest.raises(BundleError, match=words):
        Session(path, "onnxruntime")


@pytest.mark.parametrize(
    ("backend", "error"), [("onnxruntime", BundleError), ("openvino", BackendError)]
)
def test_a_graph_without_a_tensor_of_the_manifest_is_one_sentence(tmp_path, backend, error):
    state = {"inputs": (IMAGES, STATE_IN), "outputs": (RESTORED, STATE_OUT), "stateful": True}
    with pytest.raises(error) as caught:
        Session(make_bundle(tmp_path / "t", sr_model(), **state), backend)
    assert "\n" not in str(caught.value)
