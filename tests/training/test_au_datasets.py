"""Readers of the action-unit data sets, on small trees of the published layouts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from facedge.errors import InputError
from facedge.models.contract import ACTION_UNITS
from facedge.training.au_datasets import AuFrames, join, read_abaw2, read_bp4d, read_disfa
from facedge.training.au_datasets import frames as shared

HEADER = "AU1,AU2,AU4,AU6,AU7,AU10,AU12,AU15,AU23,AU24,AU25,AU26"
NONE = ",".join(["0"] * 12)
ALL = ",".join(["1"] * 12)
PARTIAL = "1,-1" + ",0" * 10
UNKNOWN = ",".join(["-1"] * 12)
DISFA_OURS = (1, 2, 4, 6, 12, 15, 25, 26)


def write(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def pictures(folder: Path, names: Iterable[str]) -> None:
    """Empty files: the readers look at names alone."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


def names(frames: AuFrames) -> list[str]:
    return ["/".join(path.parts[-2:]) for path in frames.paths]


def test_the_columns_are_those_of_the_models_and_reading_needs_no_torch() -> None:
    assert shared.ACTION_UNITS == ACTION_UNITS
    code = (
        "import sys, facedge.training.au_datasets, facedge.training.au_metric\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Aff-Wild2


@pytest.fixture
def abaw2(tmp_path: Path) -> tuple[Path, Path]:
    labels, frames = tmp_path / "Train_Set", tmp_path / "cropped_aligned"
    write(labels / "video.txt", HEADER, NONE, ALL, PARTIAL, UNKNOWN, ALL)
    write(labels / "10-60_right.txt", HEADER, ALL, NONE)
    pictures(frames / "video", ["00001.jpg", "00002.jpg", "00003.jpg", "00004.jpg", ".DS_Store"])
    pictures(frames / "10-60_right", ["00002.jpg", "00003.jpg"])
    return labels, frames


def test_abaw2_lines_meet_the_pictures_of_their_frames(abaw2: tuple[Path, Path]) -> None:
    (abaw2[0] / "._video.txt").write_bytes(b"\x00\x05\x16\x07")
    read = read_abaw2(*abaw2)
    assert names(read) == ["10-60_right/00002.jpg", "video/00001.jpg", "video/00002.jpg"]
    assert read.labels.dtype == np.int8
    np.testing.assert_array_equal(read.labels, np.repeat([[0], [0], [1]], 12, 1))
    # Frame 1 of 10-60_right and frame 5 of video have labels and no picture.
    assert read.missing == 2


def test_abaw2_subjects_are_videos_whichever_face_is_annotated(abaw2: tuple[Path, Path]) -> None:
    assert read_abaw2(*abaw2).subjects == ("10-60", "video", "video")


def test_abaw2_frames_that_are_annotated_in_part_are_kept_on_demand(
    abaw2: tuple[Path, Path],
) -> None:
    read = read_abaw2(*abaw2, partial=True)
    assert names(read)[-1] == "video/00003.jpg"
    assert len(read) == 4
    assert read.labels[-1].tolist() == [1, -1] + [0] * 10


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (["AU1,AU2", "0,1"], r"video\.txt, line 1 reads 'AU1,AU2'; expected AU1,AU2,AU4"),
        ([HEADER, NONE, "0,1,0"], r"line 3 reads '0,1,0'; expected 12 comma-separated values"),
        ([HEADER, "2" + NONE[1:]], r"line 2 reads '2,0,0.*expected 12 comma-separated values"),
        ([HEADER, NONE, "", ALL], r"line 3 reads ''"),
        ([HEADER, "x" + NONE[1:]], r"line 2 reads 'x,0"),
        ([""], r"video\.txt is empty"),
    ],
)
def test_abaw2_annotations_that_differ_are_named_by_line(
    abaw2: tuple[Path, Path], lines: list[str], sentence: str
) -> None:
    write(abaw2[0] / "video.txt", *lines)
    with pytest.raises(InputError, match=sentence):
        read_abaw2(*abaw2)


def test_abaw2_videos_without_a_picture_for_any_label_are_named(abaw2: tuple[Path, Path]) -> None:
    write(abaw2[0] / "video.txt", HEADER, *[UNKNOWN] * 4, ALL)
    with pytest.raises(
        InputError, match=r"no picture for any of the 1 labelled frames of .*5\.jpg"
    ):
        read_abaw2(*abaw2)
    write(abaw2[0] / "video.txt", HEADER, UNKNOWN)
    assert names(read_abaw2(*abaw2)) == ["10-60_right/00002.jpg"]
    write(abaw2[0] / "10-60_right.txt", HEADER, UNKNOWN)
    with pytest.raises(InputError, match=r"no file in .*Train_Set labels a single frame"):
        read_abaw2(*abaw2)


def test_abaw2_folders_that_are_not_there_are_named(abaw2: tuple[Path, Path]) -> None:
    labels, frames = abaw2
    with pytest.raises(InputError, match=r"nowhere is not a folder; .*annotation files"):
        read_abaw2(labels / "nowhere", frames)
    with pytest.raises(InputError, match=r"nowhere is not a folder; .*per video"):
        read_abaw2(labels, frames / "nowhere")
    with pytest.raises(InputError, match=r"holds no \.txt file; .*pass Train_Set"):
        read_abaw2(labels.parent, frames)
    write(labels / "other.txt", HEADER, ALL)
    with pytest.raises(InputError, match=r"other is not a folder; .*pictures of .*other\.txt"):
        read_abaw2(labels, frames)


# DISFA


@pytest.fixture
def disfa(tmp_path: Path) -> tuple[Path, Path]:
    """Three frames of two subjects; AU 12 of SN001 rises 1, 2, 5, everything else is 0."""
    labels, frames = tmp_path / "ActionUnit_Labels", tmp_path / "frames"
    for subject in ("SN001", "SN010"):
        for unit in (*DISFA_OURS, 5):
            values = (1, 2, 5) if (subject, unit) == ("SN001", 12) else (0, 0, 0)
            write(
                labels / subject / f"{subject}_au{unit}.txt",
                *(f"{frame},{value}" for frame, value in enumerate(values, 1)),
            )
    pictures(frames / "SN001", ["1.jpg", "2.jpg", "3.jpg", "4.jpg"])
    pictures(frames / "SN010", ["0001.png", "0003.png", "notes.txt"])
    return labels, frames


def test_disfa_intensities_of_two_and_more_are_active(disfa: tuple[Path, Path]) -> None:
    read = read_disfa(*disfa)
    assert names(read) == [f"SN001/{i}.jpg" for i in (1, 2, 3)] + [
        "SN010/0001.png",
        "SN010/0003.png",
    ]
    assert read.subjects == ("SN001",) * 3 + ("SN010",) * 2
    assert read.missing == 1
    assert read.labels[:, ACTION_UNITS.index(12)].tolist() == [0, 1, 1, 0, 0]
    for threshold, active in ((1, [1, 1, 1]), (3, [0, 0, 1])):
        changed = read_disfa(*disfa, threshold=threshold)
        assert changed.labels[:3, ACTION_UNITS.index(12)].tolist() == active


def test_disfa_lacks_four_of_the_twelve(disfa: tuple[Path, Path]) -> None:
    labels = read_disfa(*disfa).labels
    lacking = [unit for i, unit in enumerate(ACTION_UNITS) if (labels[:, i] == -1).all()]
    assert lacking == [7, 10, 23, 24]
    assert (labels == -1).sum() == 4 * len(labels)


def test_pictures_counted_from_zero_need_an_offset(disfa: tuple[Path, Path]) -> None:
    pictures(disfa[1] / "SN001", ["0.jpg"])
    with pytest.raises(InputError, match=r"picture numbered 0 .*pass offset=-1 .*offset=0"):
        read_disfa(*disfa)
    read = read_disfa(*disfa, offset=-1)
    assert names(read)[:3] == ["SN001/0.jpg", "SN001/1.jpg", "SN001/2.jpg"]
    assert names(read_disfa(*disfa, offset=0))[:3] == ["SN001/1.jpg", "SN001/2.jpg", "SN001/3.jpg"]


def test_two_pictures_of_one_frame_are_named(disfa: tuple[Path, Path]) -> None:
    pictures(disfa[1] / "SN001", ["002.png"])
    with pytest.raises(InputError, match=r"holds 002\.png and 2\.jpg, both numbered 2"):
        read_disfa(*disfa)


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (["1,0", "2,0"], r"SN001_au4\.txt has 2 lines and SN001_au1\.txt has 3"),
        (["1,0", "2,6", "3,0"], r"SN001_au4\.txt, line 2 reads '2,6'; expected frame,intensity"),
        (["1,0", "2", "3,0"], r"line 2 reads '2'"),
        (["1,0", "1,0", "2,0"], r"line 2 reads '1,0'; .*ascending"),
        (["1,0", "2,0", "4,0"], r"line 3 reads '4,0'; expected frame 3 as in .*SN001_au1\.txt"),
    ],
)
def test_disfa_label_files_that_differ_are_named(
    disfa: tuple[Path, Path], lines: list[str], sentence: str
) -> None:
    write(disfa[0] / "SN001" / "SN001_au4.txt", *lines)
    with pytest.raises(InputError, match=sentence):
        read_disfa(*disfa)


def test_disfa_needs_the_files_of_our_units_alone(disfa: tuple[Path, Path]) -> None:
    (disfa[0] / "SN001" / "SN001_au5.txt").unlink()
    assert len(read_disfa(*disfa)) == 5
    (disfa[0] / "SN001" / "SN001_au6.txt").unlink()
    with pytest.raises(InputError, match=r"SN001_au6\.txt does not exist"):
        read_disfa(*disfa)


def test_disfa_folders_and_options_that_cannot_be_are_refused(disfa: tuple[Path, Path]) -> None:
    labels, frames = disfa
    with pytest.raises(InputError, match="threshold is 0; expected an intensity from 1 to 5"):
        read_disfa(labels, frames, threshold=0)
    with pytest.raises(InputError, match="holds no folder such as SN001"):
        read_disfa(labels.parent, frames)
    with pytest.raises(InputError, match=r"SN001 is not a folder"):
        read_disfa(labels, labels.parent)
    with pytest.raises(InputError, match="no picture for any of the 3 labelled frames"):
        read_disfa(labels, frames, offset=100)


# BP4D


def code_row(first: int, codes: dict[int, int], uncoded: int = 9) -> str:
    """A row of 100 columns: frame number, then AUs 1 to 99."""
    return ",".join(str(v) for v in (first, *(codes.get(unit, uncoded) for unit in range(1, 100))))


CODES = {unit: 0 for unit in ACTION_UNITS if unit < 25}
BP4D_HEADER = ",".join(str(i) for i in range(100))


@pytest.fixture
def bp4d(tmp_path: Path) -> tuple[Path, Path]:
    labels, frames = tmp_path / "AUCoding" / "AU_OCC", tmp_path / "2D"
    write(
        labels / "F001_T1.csv",
        BP4D_HEADER,
        code_row(41, CODES),
        code_row(42, {**CODES, 6: 1, 12: 1, 24: 9}),
        code_row(43, {}),
    )
    write(labels / "M002_T8.csv", "1,1,12,39", "2440,1,0,9", "2441,0,1,1")
    write(labels / "summary.csv", "not a code file")
    pictures(frames / "F001" / "T1", ["040.jpg", "041.jpg", "042.jpg", "043.jpg"])
    pictures(frames / "M002" / "T8", ["2441.jpg"])
    return labels, frames


def test_bp4d_codes_become_labels_and_nines_unknown(bp4d: tuple[Path, Path]) -> None:
    read = read_bp4d(*bp4d)
    assert names(read) == ["T1/041.jpg", "T1/042.jpg", "T8/2441.jpg"]
    assert read.subjects == ("F001", "F001", "M002")
    assert read.labels.tolist() == [
        # 1, 2, 4, 6, 7, 10, 12, 15, 23, 24, 25, 26
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1],
        [0, 0, 0, 1, 0, 0, 1, 0, 0, -1, -1, -1],
        [0, -1, -1, -1, -1, -1, 1, -1, -1, -1, -1, -1],
    ]
    assert read.missing == 1  # frame 2440; frame 43 has no label at all


def test_bp4d_numbering_from_zero_is_the_callers_to_tell(bp4d: tuple[Path, Path]) -> None:
    pictures(bp4d[1] / "F001" / "T1", ["000.jpg"])
    with pytest.raises(InputError, match=r"picture numbered 0 .*F001_T1\.csv has no frame 0"):
        read_bp4d(*bp4d)
    pictures(bp4d[1] / "M002" / "T8", ["2440.jpg"])
    assert names(read_bp4d(*bp4d, offset=-1)) == ["T1/040.jpg", "T1/041.jpg", "T8/2440.jpg"]


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (["0,AU1,AU2"], r"M002_T8\.csv, line 1 reads '0,AU1,AU2'; expected a number and then"),
        (["0,5,9,14"], "line 1 reads '0,5,9,14'; .*some of our twelve"),
        (["0,1,1"], "line 1 reads '0,1,1'"),
        (["0,1,2", "7,0"], "line 2 reads '7,0'; expected a frame number .* 2 codes 0, 1 or 9"),
        (["0,1,2", "7,0,1", "8,0,3"], "line 3 reads '8,0,3'"),
        (["0,1,2", "7,0,1", "7,0,1"], "line 3 reads '7,0,1'; expected a frame number above"),
        (["0,1,2", "7,0,1"], "no picture for any of the 1 labelled frames"),
    ],
)
def test_bp4d_code_files_that_differ_are_named_by_line(
    bp4d: tuple[Path, Path], lines: list[str], sentence: str
) -> None:
    write(bp4d[0] / "M002_T8.csv", *lines)
    with pytest.raises(InputError, match=sentence):
        read_bp4d(*bp4d)


def test_bp4d_folders_that_are_not_there_are_named(bp4d: tuple[Path, Path]) -> None:
    labels, frames = bp4d
    with pytest.raises(InputError, match=r"holds no file such as F001_T1\.csv; pass AUCoding"):
        read_bp4d(labels.parent, frames)
    write(labels / "M002_T1.csv", "0,1", "1,1")
    with pytest.raises(InputError, match=r"T1 is not a folder; .*pictures of .*M002_T1\.csv"):
        read_bp4d(labels, frames)


@pytest.mark.parametrize("read", [read_abaw2, read_disfa, read_bp4d])
def test_every_reader_says_what_a_missing_folder_is_for(
    read: Callable[[Path, Path], AuFrames], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="nowhere is not a folder; it has to hold"):
        read(tmp_path / "nowhere", tmp_path)
    with pytest.raises(InputError, match="nowhere is not a folder; it has to hold"):
        read(tmp_path, tmp_path / "nowhere")


# AuFrames


def frames_of(**counts: int) -> AuFrames:
    subjects = tuple(subject for subject, count in counts.items() for _ in range(count))
    labels = np.zeros((len(subjects), 12), np.int8)
    labels[:, 0] = np.arange(len(subjects)) % 2
    return AuFrames(tuple(Path(f"{i}.jpg") for i in range(len(subjects))), labels, subjects)


def test_folds_share_no_subject_and_hold_every_frame_out_once() -> None:
    whole = frames_of(a=5, b=1, c=9, d=3, e=3, f=4)
    folds = whole.folds(3)
    for train, held_out in folds:
        assert not set(train.subjects) & set(held_out.subjects)
        assert len(train) + len(held_out) == len(whole)
        at = [int(path.stem) for path in held_out.paths]
        assert at == sorted(at)
        np.testing.assert_array_equal(held_out.labels, whole.labels[at])
    held = [path for _, held_out in folds for path in held_out.paths]
    assert sorted(held) == sorted(whole.paths)


def test_folds_are_about_equally_large() -> None:
    # Largest first to the emptiest: 9 | 5 | 4, then 3 to the 4, 3 to the 5, 1 to the 7.
    sizes = [len(held_out) for _, held_out in frames_of(a=5, b=1, c=9, d=3, e=3, f=4).folds(3)]
    assert sorted(sizes) == [8, 8, 9]


def test_folds_depend_on_the_seed_alone() -> None:
    whole = frames_of(**{f"s{i:02}": 2 for i in range(12)})

    def parts(seed: int) -> list[tuple[str, ...]]:
        return [held_out.subjects for _, held_out in whole.folds(4, seed)]

    assert parts(1) == parts(1)
    assert parts(1) != parts(2)


@pytest.mark.parametrize("count", [1, 4])
def test_folds_that_cannot_be_made_are_refused(count: int) -> None:
    with pytest.raises(InputError, match=f"{count} folds of 3 subjects"):
        frames_of(a=1, b=2, c=3).folds(count)


def test_data_sets_of_other_units_join(disfa: tuple[Path, Path], bp4d: tuple[Path, Path]) -> None:
    parts = read_disfa(*disfa), read_bp4d(*bp4d)
    whole = join(parts)
    assert whole.paths == parts[0].paths + parts[1].paths
    assert whole.subjects == parts[0].subjects + parts[1].subjects
    np.testing.assert_array_equal(whole.labels, np.concatenate([p.labels for p in parts]))
    assert whole.missing == 2


@pytest.mark.parametrize(
    ("labels", "subjects", "sentence"),
    [
        (np.zeros((2, 12), np.int8), ("a",), r"int8 \[2, 12\]; expected int8 \[1, 12\]"),
        (np.zeros((1, 12)), ("a",), r"float64 \[1, 12\]; expected int8"),
        (np.full((1, 12), 9, np.int8), ("a",), "other values than 1, 0 and -1"),
        (np.zeros((1, 12), np.int8), (), "0 subjects for 1 pictures"),
    ],
)
def test_frames_whose_parts_do_not_fit_are_refused(
    labels: np.ndarray, subjects: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        AuFrames((Path("a.jpg"),), labels, subjects)
