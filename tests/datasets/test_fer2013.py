import csv

import numpy as np
import pytest
from class_balancing.datasets import fer2013
from class_balancing.datasets.image_dataset import DatasetError
from PIL import Image

N_IMAGES = 2 * 7 * 3
USAGES = ("Training", "PublicTest", "PrivateTest")


def faces(seed=0):
    """(emotion, pixels (2304,), usage) of two images of each emotion in each part, the emotions mixed."""
    rng = np.random.default_rng(seed)
    emotions = [*range(7), *reversed(range(7))]
    return [(emotion, rng.integers(0, 256, 2304), usage) for usage in USAGES for emotion in emotions]


def write(path, rows, header=("emotion", "pixels", "Usage")):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        order = [("emotion", "pixels", "Usage").index(name.strip()) for name in header]
        for emotion, pixels, usage in rows:
            row = (emotion, pixels if isinstance(pixels, str) else " ".join(map(str, pixels)), usage)
            writer.writerow([row[column] for column in order])


@pytest.fixture(autouse=True)
def _no_other_folder(monkeypatch):
    monkeypatch.delenv("DATASETS_DIR", raising=False)


def check(dataset):
    assert dataset.name == "fer2013"
    assert dataset.class_names == ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
    assert dataset.images.shape == (N_IMAGES, 48, 48, 1)
    np.testing.assert_array_equal(dataset.images.reshape(-1, 2304), [pixels for _, pixels, _ in faces()])
    assert dataset.labels.tolist() == [emotion for emotion, _, _ in faces()]
    assert dataset.official_parts.tolist() == ["train"] * 14 + ["validation"] * 14 + ["test"] * 14


@pytest.mark.parametrize("below", ["", "fer2013"])
def test_the_official_file_is_read_in_its_order(tmp_path, below):
    write(tmp_path / "fer2013" / "fer2013.csv", faces())
    check(fer2013.load(str(tmp_path / below)))


def test_the_variant_has_spaces_in_its_header_and_another_order_of_columns(tmp_path, monkeypatch):
    write(tmp_path / "fer2013" / "icml_face_data.csv", faces(), ("emotion", " Usage", " pixels"))
    monkeypatch.setenv("DATASETS_DIR", str(tmp_path))
    check(fer2013.load())


def test_quotes_line_ends_of_windows_and_a_byte_order_mark_are_no_matter(tmp_path):
    write(tmp_path / "fer2013.csv", faces())
    text = (tmp_path / "fer2013.csv").read_text()
    quoted = "\n".join('{},"{}",{}'.format(*line.split(",")) for line in text.splitlines())
    (tmp_path / "fer2013.csv").write_bytes(b"\xef\xbb\xbf" + quoted.replace("\n", "\r\n").encode())
    check(fer2013.load(str(tmp_path)))


def changed(row, emotion=None, pixels=None, usage=None):
    return (row[0] if emotion is None else emotion, row[1] if pixels is None else pixels, usage or row[2])


GOOD = " ".join(["7"] * 2303)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pixels": GOOD}, r"fer2013\.csv, line 5: 2303 pixels, but an image has 2304 \(48 x 48\)"),
        ({"pixels": f"{GOOD} 1 2"}, "line 5: 2305 pixels"),
        ({"pixels": ""}, "line 5: 0 pixels"),
        ({"pixels": "  "}, "line 5: 0 pixels"),
        ({"pixels": f"{GOOD} 256"}, r"line 5: a pixel is 256, but pixels lie in 0\.\.255"),
        ({"pixels": f"-1 {GOOD}"}, "line 5: a pixel is -1"),
        ({"pixels": f"{GOOD} {10**30}"}, "line 5: a pixel is"),
        ({"pixels": f"{GOOD} 1.5"}, "line 5: pixels must be whole numbers with spaces between them"),
        ({"pixels": f"{GOOD} 8x"}, "line 5: pixels must be whole numbers"),
        ({"pixels": "grey"}, "line 5: pixels must be whole numbers"),
        ({"usage": "Testing"}, "line 5: unknown usage 'Testing'; it must be one of Training, PublicTest, PrivateTest"),
        ({"emotion": 7}, "line 5: unknown emotion '7'; it must be one of 0 angry, 1 disgust, .* 6 neutral"),
        ({"emotion": "happy"}, "line 5: unknown emotion 'happy'"),
        ({"emotion": ""}, "line 5: unknown emotion ''"),
    ],
)
def test_a_wrong_row_gets_one_sentence_with_its_line(tmp_path, change, message):
    rows = faces()
    rows[3] = changed(rows[3], **change)
    write(tmp_path / "fer2013.csv", rows)
    with pytest.raises(DatasetError, match=message) as caught:
        fer2013.load(str(tmp_path))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250 + len(str(tmp_path))


@pytest.mark.parametrize(
    ("usage", "part"), [("Training", "train"), ("PublicTest", "validation"), ("PrivateTest", "test")]
)
def test_a_missing_part_is_named(tmp_path, usage, part):
    write(tmp_path / "fer2013.csv", [row for row in faces() if row[2] != usage])
    with pytest.raises(DatasetError, match=rf"has no {part} part \(usage {usage}\)"):
        fer2013.load(str(tmp_path))


def test_an_emotion_without_an_image_is_named(tmp_path):
    write(tmp_path / "fer2013.csv", [row for row in faces() if row[0] not in (1, 6) or row[2] != "PublicTest"])
    with pytest.raises(DatasetError, match="has no validation image of disgust, neutral"):
        fer2013.load(str(tmp_path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must have the columns emotion, pixels and Usage"),
        (b"label,pixels,Usage\n", "must have the columns emotion, pixels and Usage, its header is"),
        (b"emotion,pixels,Usage\n0,1 2\n", "line 2: 2 columns, but the header has 3"),
        (b"emotion,pixels,Usage\n", r"has no train part \(usage Training\)"),
        (b"PK\x03\x04\xff\xfe\x00", "damaged or no CSV file"),
        (b"emotion,pixels,Usage\n0,%s,Training\n" % (b"1 " * 100_000), "near line 2: damaged or no CSV file"),
    ],
)
def test_what_is_no_such_file_gets_one_sentence(tmp_path, content, message):
    (tmp_path / "fer2013.csv").write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        fer2013.load(str(tmp_path))


def test_a_missing_file_says_what_to_put_where(tmp_path, monkeypatch):
    wanted = (
        r"put fer2013\.csv of Kaggle's .* into {}, or its images there as {{train,validation,test}}/{{angry,disgust,"
    )
    with pytest.raises(DatasetError, match="not downloaded: " + wanted.format("DIR/fer2013") + ".*--data-dir"):
        fer2013.load()
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(DatasetError, match="not downloaded: " + wanted.format(folder / "fer2013")):
            fer2013.load(str(folder))
    monkeypatch.setenv("DATASETS_DIR", str(tmp_path))
    with pytest.raises(DatasetError, match=f"no FER2013 found in {tmp_path}"):
        fer2013.load()


FOLDERS = {"Training": "train", "PublicTest": "validation", "PrivateTest": "test"}


def write_folders(folder, rows, names=FOLDERS):
    """One PNG file an image, named by its place, as the widespread copies are."""
    for index, (emotion, pixels, usage) in enumerate(rows):
        path = folder / names[usage] / fer2013.CLASS_NAMES[emotion] / f"{usage}_{index:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.uint8(pixels).reshape(48, 48)).save(path)


@pytest.mark.parametrize("below", ["", "fer2013"])
@pytest.mark.parametrize("names", [FOLDERS, {usage: usage for usage in FOLDERS}], ids=["parts", "usages"])
def test_folders_of_images_give_the_same(tmp_path, below, names):
    write_folders(tmp_path / "fer2013", faces(), names)
    check(fer2013.load(str(tmp_path / below)))


def test_folders_may_lack_validation_and_be_of_any_case(tmp_path):
    write_folders(tmp_path, faces(), {"Training": "Train", "PublicTest": "Test", "PrivateTest": "Test"})
    (tmp_path / "Train" / "sad").rename(tmp_path / "Train" / "Sad")
    (tmp_path / "val" / "of something else").mkdir(parents=True)
    dataset = fer2013.load(str(tmp_path))
    assert dataset.official_parts.tolist() == ["train"] * 14 + ["test"] * 28
    assert np.bincount(dataset.labels[:14]).tolist() == [2] * 7
    np.testing.assert_array_equal(dataset.images[:14].reshape(14, -1), [pixels for _, pixels, _ in faces()[:14]])


def test_a_grey_image_saved_in_colour_stays_as_it_is(tmp_path):
    write_folders(tmp_path, faces())
    for path in tmp_path.rglob("*.png"):
        Image.open(path).convert("RGB").save(path)
    check(fer2013.load(str(tmp_path)))


def remove_test(folder):
    (folder / "test").rename(folder / "others")


def make_a_large_one(folder):
    Image.new("L", (64, 48)).save(folder / "train" / "sad" / "large.png")


def damage_one(folder):
    (folder / "test" / "fear" / "damaged.png").write_text("no image")


def add_contempt(folder):
    (folder / "train" / "contempt").mkdir()


def name_a_folder_like_an_image(folder):
    (folder / "train" / "sad" / "folder.png").mkdir()


def leave_a_broken_link(folder):
    (folder / "train" / "sad" / "broken.png").symlink_to("nowhere.png")


def add_another_validation(folder):
    (folder / "val" / "sad").mkdir(parents=True)


def add_another_sad(folder):
    (folder / "train" / "SAD").mkdir()


def lose_the_neutral(folder):
    (folder / "train" / "neutral").rename(folder / "neutral")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (remove_test, "has no folder test; FER2013 needs train and test"),
        (make_a_large_one, r"large\.png has 64 x 48 pixels, but an image has 48 x 48"),
        (damage_one, r"damaged\.png: not a readable image"),
        (add_contempt, "train holds folders of unknown emotions: contempt; known are angry"),
        (name_a_folder_like_an_image, r"folder\.png cannot be read: Is a directory"),
        (leave_a_broken_link, r"broken\.png cannot be read: No such file"),
        (add_another_validation, "has several validation parts, val, validation"),
        (add_another_sad, "train has several folders of sad, SAD and sad"),
        (lose_the_neutral, "has no train image of neutral"),
    ],
)
def test_wrong_folders_get_one_sentence(tmp_path, damage, message):
    write_folders(tmp_path, faces())
    damage(tmp_path)
    with pytest.raises(DatasetError, match=message) as caught:
        fer2013.load(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_other_numbers_than_the_official_ones_are_told(tmp_path, capsys, monkeypatch):
    write(tmp_path / "fer2013.csv", faces())
    fer2013.load(str(tmp_path))
    assert "14 train, 14 validation, 14 test images, other" in capsys.readouterr().err
    monkeypatch.setattr(fer2013, "OFFICIAL_COUNTS", dict.fromkeys(fer2013.PARTS, (2,) * 7))
    fer2013.load(str(tmp_path))
    assert capsys.readouterr().err == ""


def test_the_slides_counts_are_the_official_ones_but_for_a_misprint():
    totals = np.sum(list(fer2013.OFFICIAL_COUNTS.values()), axis=0)
    assert totals.sum() == 35_887
    assert [sum(of_part) for of_part in fer2013.OFFICIAL_COUNTS.values()] == [28_709, 3589, 3589]
    assert (totals - fer2013.SLIDES_COUNTS).tolist() == [4953 - 4593, 0, 0, 0, 0, 0, 0]


def test_the_distribution_stands_beside_the_slides(tmp_path):
    write(tmp_path / "fer2013.csv", faces())
    table = fer2013.class_distribution(fer2013.load(str(tmp_path)))
    assert table.columns.tolist() == ["emotion", "train", "validation", "test", "all", "slides", "difference"]
    assert table["emotion"].tolist() == [*fer2013.CLASS_NAMES, "all"]
    assert table["all"].tolist() == [6] * 7 + [42]
    assert table["difference"].tolist() == [6 - n for n in fer2013.SLIDES_COUNTS] + [42 - 35_527]


def test_real_fer2013(datasets_folder, monkeypatch, capsys):
    monkeypatch.undo()  # the environment variable is wanted here
    folder = datasets_folder("fer2013")
    dataset = fer2013.load(folder)
    assert dataset.images.shape == (35_887, 48, 48, 1)
    assert capsys.readouterr().err == "", "the official numbers"
    assert dataset.images[0, 0, :4, 0].tolist() == [70, 80, 82, 72]
    assert dataset.labels[:5].tolist() == [0, 0, 2, 4, 6]
    table = fer2013.class_distribution(dataset).set_index("emotion")
    assert table.loc["angry"].tolist() == [3995, 467, 491, 4953, 4593, 360]
    assert not table.drop(index=["angry", "all"])["difference"].any()
    assert table.loc["all", ["train", "validation", "test", "all"]].tolist() == [28_709, 3589, 3589, 35_887]
