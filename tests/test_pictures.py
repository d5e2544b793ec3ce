"""Picture files against Pillow, which decodes independently of OpenCV."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from facedge.errors import InputError
from facedge.pictures import (
    decode,
    list_pictures,
    read_hashed,
    read_picture,
    read_tolerantly,
    write_picture,
)


@pytest.fixture
def portrait() -> np.ndarray:
    return data.astronaut()[:60, 150:230].copy()


def saved(picture: Image.Image, form: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, form, **options)
    return stream.getvalue()


def test_lists_recursively_sorted_by_extension_without_hidden_files(tmp_path: Path) -> None:
    for name in ("b.JPG", "a/z.png", "a/notes.txt", ".hidden.png", ".cache/x.png", "c.webp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in list_pictures(tmp_path)]
    assert found == ["a/z.png", "b.JPG", "c.webp"]
    assert list_pictures(tmp_path / "b.JPG") == [tmp_path / "b.JPG"]


def test_missing_and_empty_folders_are_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no folder or picture .*nowhere"):
        list_pictures(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"holds no pictures; expected files ending in \.jpg"):
        list_pictures(tmp_path)


@pytest.mark.parametrize("extension", [".png", ".bmp", ".tif", ".ppm"])
def test_lossless_colour_files_give_their_pixels(
    tmp_path: Path, portrait: np.ndarray, extension: str
) -> None:
    path = tmp_path / f"p{extension}"
    Image.fromarray(portrait).save(path)
    np.testing.assert_array_equal(read_picture(path), portrait)


def test_jpeg_agrees_with_pillow(tmp_path: Path, portrait: np.ndarray) -> None:
    path = tmp_path / "p.jpg"
    Image.fromarray(portrait).save(path, quality=95, subsampling=0)
    ours = read_picture(path).astype(int)
    theirs = np.asarray(Image.open(path)).astype(int)
    # Two libjpeg builds may round the inverse DCT and the colour conversion differently.
    assert np.abs(ours - theirs).max() <= 2
    # Swapped channels would be far away.
    assert np.abs(ours - portrait).mean() < 4


def test_grey_and_16_bit_files_become_three_8_bit_channels(tmp_path: Path) -> None:
    grey = data.camera()[:40, :50]
    Image.fromarray(grey).save(tmp_path / "grey.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    for name in ("grey.png", "deep.png"):
        rgb = read_picture(tmp_path / name)
        assert rgb.dtype == np.uint8
        assert rgb.shape == (40, 50, 3)
        # 16 -> 8 bits may truncate or round: one level.
        assert np.abs(rgb.astype(int) - grey[:, :, None]).max() <= 1


def test_transparency_is_laid_on_white(tmp_path: Path, portrait: np.ndarray) -> None:
    alpha = np.tile(np.linspace(0, 255, portrait.shape[1]).astype(np.uint8), (len(portrait), 1))
    rgba = Image.fromarray(np.dstack([portrait, alpha]))
    rgba.save(tmp_path / "p.png")
    white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
    expected = np.asarray(Image.alpha_composite(white, rgba).convert("RGB")).astype(int)
    # Pillow composites in integers.
    assert np.abs(read_picture(tmp_path / "p.png").astype(int) - expected).max() <= 1


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_exif_orientation_is_applied(portrait: np.ndarray, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    encoded = saved(Image.fromarray(portrait), "JPEG", quality=95, exif=exif)
    turned = np.rot90(portrait, {1: 0, 3: 2, 6: 3, 8: 1}[orientation])
    rgb = decode(encoded, "p.jpg")
    assert rgb.shape == turned.shape
    assert np.abs(rgb.astype(int) - turned).mean() < 6


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.97])
def test_truncated_files_are_refused_by_name(portrait: np.ndarray, form: str, share: float) -> None:
    encoded = saved(Image.fromarray(portrait), form)
    assert decode(encoded, "whole").shape == portrait.shape
    with pytest.raises(InputError, match="cut-off"):
        decode(encoded[: int(len(encoded) * share)], "cut-off")


def test_a_thumbnail_does_not_hide_truncation_and_a_trailer_does_not_feign_it(
    portrait: np.ndarray,
) -> None:
    thumbnail = saved(Image.fromarray(portrait[:16, :16]), "JPEG")
    whole = saved(Image.fromarray(portrait), "JPEG", progressive=True, exif=b"Exif\0\0" + thumbnail)
    assert whole.count(b"\xff\xd9") >= 2
    assert decode(whole + b"film appended by a phone", "p").shape == portrait.shape
    with pytest.raises(InputError, match="truncated"):
        decode(whole[:-200], "p")


@pytest.mark.parametrize("content", [b"", b"not a picture at all", b"\xff\xd8\xff", bytes(1000)])
def test_what_is_no_picture_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.jpg"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"odd\.jpg"):
        read_picture(path)


def test_some_broken_files_are_skipped_with_one_warning(
    tmp_path: Path, portrait: np.ndarray
) -> None:
    for name in ("a.png", "c.png"):
        write_picture(tmp_path / name, portrait)
    (tmp_path / "b.png").write_bytes(b"no")
    (tmp_path / "d.png").write_bytes(b"")
    warnings: list[str] = []
    files = list_pictures(tmp_path)
    read = [picture.path.name for picture in read_tolerantly(files, warnings.append)]
    assert read == ["a.png", "c.png"]
    assert warnings == ["skipped 2 unreadable pictures: b.png, d.png"]


def test_only_broken_files_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "b.png").write_bytes(b"no")
    with pytest.raises(InputError, match=r"none of 1 files is a readable picture.*b\.png"):
        list(read_tolerantly([tmp_path / "b.png"]))


def test_hash_is_of_the_files_bytes(tmp_path: Path, portrait: np.ndarray) -> None:
    write_picture(tmp_path / "p.png", portrait)
    expected = hashlib.sha256((tmp_path / "p.png").read_bytes()).hexdigest()
    assert read_hashed(tmp_path / "p.png").sha256 == expected


def test_written_files_open_in_pillow_and_leave_nothing_beside_them(
    tmp_path: Path, portrait: np.ndarray
) -> None:
    write_picture(tmp_path / "sub/p.png", portrait)
    write_picture(tmp_path / "sub/p.jpg", portrait, quality=95)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "sub/p.png")), portrait)
    lossy = np.asarray(Image.open(tmp_path / "sub/p.jpg")).astype(int)
    assert np.abs(lossy - portrait).mean() < 6
    assert sorted(path.name for path in (tmp_path / "sub").iterdir()) == ["p.jpg", "p.png"]


def test_other_extensions_and_types_are_not_written(tmp_path: Path, portrait: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"\.png, \.jpg or \.jpeg"):
        write_picture(tmp_path / "p.gif", portrait)
    with pytest.raises(InputError, match="expected uint8"):
        write_picture(tmp_path / "p.png", portrait.astype(np.float32))
    assert not list(tmp_path.iterdir())
