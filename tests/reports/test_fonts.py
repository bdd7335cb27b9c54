"""Names in any script are written in an installed font that has it, or one sentence says that there is none."""

import shutil
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from class_balancing.reports import figures, fonts
from matplotlib import font_manager
from PIL import Image

OWN = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
SCRIPT = "\N{MATHEMATICAL SCRIPT CAPITAL A}"  # STIX has it, the default font has not
CHINESE, THAI = "猫", "ไ"


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Function of names of matplotlib's own fonts: the only ones that are found, besides a file that is none."""

    def install(*names):
        folder = tmp_path / "fonts"
        folder.mkdir()
        (folder / "damaged.ttf").write_bytes(b"no font")
        for name in names:
            shutil.copy(OWN / name, folder)
        monkeypatch.setattr(font_manager, "findSystemFonts", lambda: list(map(str, folder.iterdir())))
        fonts.families.cache_clear()

    yield install
    fonts.families.cache_clear()


def drawn(name, folder) -> np.ndarray:
    path = folder / "figure.png"
    figures.class_distribution(np.array([0, 0, 1]), ("plain", name), "title", path)
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def test_only_what_the_default_font_lacks_is_looked_for():
    assert fonts.missing(["plain text, žluťoučký, Ελλ\n", "قطة"]) == frozenset()
    assert fonts.missing([f"a{SCRIPT}", f"{CHINESE}\N{ZERO WIDTH JOINER}{CHINESE}"]) == {SCRIPT, CHINESE}


def test_a_name_is_written_in_a_font_that_has_its_characters(installed, tmp_path, capsys, recwarn):
    installed("cmr10.ttf")
    boxes = drawn(SCRIPT, tmp_path)
    assert capsys.readouterr().err.count("\n") == 1
    shutil.rmtree(tmp_path / "fonts")
    installed("cmr10.ttf", "STIXGeneralBol.ttf", "STIXGeneral.ttf")
    written = drawn(SCRIPT, tmp_path)
    assert fonts.families(frozenset(SCRIPT)) == ("STIXGeneral",)
    assert written.shape != boxes.shape or (written != boxes).any()
    assert capsys.readouterr().err == ""
    assert not [warning for warning in recwarn if "Glyph" in str(warning.message)]


def test_without_such_a_font_one_sentence_says_so_once(installed, tmp_path, capsys, recwarn):
    installed("STIXGeneral.ttf")
    for _ in range(2):
        drawn(f"{CHINESE}{SCRIPT}{THAI}", tmp_path)
    expected = f"No installed font has 2 characters of figures ({THAI} {CHINESE}); they are boxes.\n"
    assert capsys.readouterr().err == expected
    assert not [warning for warning in recwarn if "Glyph" in str(warning.message)]
