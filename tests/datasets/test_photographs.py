import io

import numpy as np
import pytest
from class_balancing.datasets.image_dataset import DatasetError
from class_balancing.datasets.photographs import MAX_BYTES, decode, is_photograph, read, upright_shape
from PIL import ExifTags, Image


def encoded(image, kind="PNG", **options):
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


ORANGE = (255, 128, 0)


@pytest.mark.parametrize(
    ("image", "kind", "expected"),
    [
        (Image.new("RGB", (9, 5), ORANGE), "PNG", ORANGE),
        (Image.new("RGB", (9, 5), ORANGE), "BMP", ORANGE),
        (Image.new("L", (9, 5), 77), "JPEG", (77, 77, 77)),
        (Image.new("RGBA", (9, 5), (*ORANGE, 255)), "PNG", ORANGE),
        (Image.new("RGBA", (9, 5), (0, 0, 0, 0)), "WEBP", (255, 255, 255)),
        (Image.new("LA", (9, 5), (0, 0)), "PNG", (255, 255, 255)),
        (Image.new("P", (9, 5), 3), "PNG", (3, 3, 3)),
        (Image.new("1", (9, 5), 1), "PNG", (255, 255, 255)),
        (Image.new("CMYK", (9, 5), (0, 0, 0, 255)), "JPEG", (0, 0, 0)),
        (Image.new("CMYK", (9, 5), (0, 0, 0, 0)), "JPEG", (255, 255, 255)),
        (Image.fromarray(np.full((5, 9), 77 * 256, np.uint16)), "PNG", (77, 77, 77)),
    ],
)
def test_every_mode_becomes_rgb(image, kind, expected):
    if image.mode == "P":
        image.putpalette([value for grey in range(256) for value in (grey, grey, grey)])
    decoded = decode(encoded(image, kind))
    assert (decoded.mode, decoded.size) == ("RGB", (9, 5))
    np.testing.assert_allclose(np.asarray(decoded)[2, 4], expected, atol=3)


def test_a_cameras_orientation_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    assert decode(encoded(Image.new("RGB", (9, 5)), "JPEG", exif=exif)).size == (5, 9)


@pytest.mark.parametrize("damage", ["cut", "text", "empty"])
def test_what_is_no_image_is_refused(damage):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    content = {"cut": encoded(noise, "JPEG")[:900], "text": b"no image", "empty": b""}[damage]
    with pytest.raises(DatasetError, match="not a readable image"):
        decode(content)


def test_a_picture_that_a_program_would_have_to_draw_is_refused():
    with pytest.raises(DatasetError, match="none of JPEG"):
        decode(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 5\nshowpage\n")


@pytest.mark.parametrize("side", [8000, 30_000])
def test_a_decompression_bomb_is_refused(side):
    bomb = encoded(Image.new("1", (side, side)))
    assert len(bomb) < 200_000
    with pytest.raises(DatasetError, match=rf"{side} x {side} are more|exceeds limit"):
        decode(bomb)


def test_links_out_of_the_folder_and_huge_files_are_refused(tmp_path):
    folder, elsewhere = tmp_path / "cars", tmp_path / "secret.jpg"
    folder.mkdir()
    elsewhere.write_bytes(encoded(Image.new("RGB", (9, 5)), "JPEG"))
    (folder / "link.jpg").symlink_to(elsewhere)
    with pytest.raises(DatasetError, match=r"link\.jpg is refused: it is a symbolic link out of"):
        read(folder / "link.jpg", folder)
    (folder / "own.jpg").write_bytes(elsewhere.read_bytes())
    (folder / "inside.jpg").symlink_to(folder / "own.jpg")
    assert read(folder / "inside.jpg", folder) == elsewhere.read_bytes()
    with open(folder / "huge.jpg", "wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(DatasetError, match=r"huge\.jpg is refused: a photograph of 100000001 bytes"):
        read(folder / "huge.jpg", folder)


def test_photographs_are_known_by_their_names():
    assert [is_photograph(name) for name in ("a.JPG", "b/c.png", "._a.jpg", "a.mat", "README")] == [
        True,
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize(("mode", "values"), [("I", np.int32), ("F", np.float32)])
def test_pixels_of_unknown_range_are_refused(mode, values):
    image = Image.fromarray(np.ones((5, 9), values), mode=None)
    assert image.mode == mode
    with pytest.raises(DatasetError, match="32 bits per pixel"):
        decode(encoded(image, "TIFF"))


def test_sixteen_bits_of_grey_keep_their_shades():
    shades = np.linspace(0, 65535, 256).astype(np.uint16)[None]
    decoded = np.asarray(decode(encoded(Image.fromarray(shades), transparency=0)))
    np.testing.assert_array_equal(decoded[0, :, 0], np.arange(256))


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_twelve_bits_in_sixteen_are_refused_and_not_taken_for_black(kind):
    shades = np.linspace(0, 4095, 256).astype(np.uint16)[None]
    with pytest.raises(DatasetError, match="grey of 16 bits whose largest value is 4095 of 65535, so nearly black"):
        decode(encoded(Image.fromarray(shades), kind))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", [None, *range(1, 10)])
def test_the_upright_shape_is_that_of_the_decoded_image(orientation, kind):
    exif = Image.Exif()
    if orientation is not None:
        exif[ExifTags.Base.Orientation] = orientation
    content = encoded(Image.new("RGB", (7, 5)), kind, exif=exif)
    with Image.open(io.BytesIO(content)) as image:
        assert upright_shape(image) == decode(content).size[::-1]


def test_an_orientation_behind_the_pixels_counts():
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    content = encoded(Image.new("RGB", (7, 5)), exif=exif)
    start, end = content.index(b"eXIf") - 4, content.index(b"IDAT") - 4
    moved = content[:start] + content[end:-12] + content[start:end] + content[-12:]  # the last 12 bytes are IEND
    with Image.open(io.BytesIO(moved)) as image:
        assert upright_shape(image) == decode(moved).size[::-1] == (7, 5)
