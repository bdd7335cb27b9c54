"""Installed fonts for names that matplotlib's own font cannot write."""

import functools
import sys
import unicodedata
from collections.abc import Iterable

from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

INVISIBLE = ("C", "Z", "M")  # categories of control, space and combining characters, which fonts need not have
SIZE_POINTS, DOTS_PER_INCH = 12, 72


def missing(texts: Iterable[str]) -> frozenset[str]:
    """The characters of the texts that matplotlib's default font lacks."""
    font = FT2Font(font_manager.findfont(font_manager.FontProperties()))
    seen = {character for text in texts for character in text}
    visible = {character for character in seen if not unicodedata.category(character).startswith(INVISIBLE)}
    return frozenset(character for character in visible if not font.get_char_index(ord(character)))


@functools.cache
def families(characters: frozenset[str]) -> tuple[str, ...]:
    """Families of as few installed fonts as have these characters, each registered with matplotlib.

    If no font has some of them, one sentence on standard error says so, once for the same characters.
    """
    written = {path: _written(path, characters) for path in font_manager.findSystemFonts()}
    having = sorted((path for path, known in written.items() if known), key=lambda path: (_plainness(path), path))
    found, lacking = [], set(characters)
    while covered := set().union(*(written[path] & lacking for path in having)):
        path = max(having, key=lambda path: len(written[path] & covered))  # the first of several
        lacking -= written[path]
        font_manager.fontManager.addfont(path)
        found.append(FT2Font(path).family_name)
    if lacking:
        shown = " ".join(sorted(lacking)[:10])
        print(f"No installed font has {len(lacking)} characters of figures ({shown}); they are boxes.", file=sys.stderr)
    return tuple(found)


def _written(path: str, characters: frozenset[str]) -> set[str]:
    """Those of the characters that the font draws as outlines; fonts of coloured pictures draw none."""
    try:
        font = FT2Font(path)
        if not font.scalable:
            return set()
        font.set_size(SIZE_POINTS, DOTS_PER_INCH)
        known = [character for character in characters if font.get_char_index(ord(character))]
        return {character for character in known if font.load_char(ord(character)).height}
    except (RuntimeError, ValueError, OSError):  # a file that FreeType cannot use
        return set()


def _plainness(path: str) -> tuple[bool, bool]:
    """Smaller for upright fonts of usual weight and for those without serifs."""
    font = FT2Font(path)
    return font.style_name not in ("Regular", "Book", "Roman"), "Sans" not in font.family_name
