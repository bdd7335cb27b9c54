"""Writing files so that they appear whole or not at all, and reading files that may be damaged nevertheless."""

import io
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write beside the path, flush to disk, then rename; if that fails, nothing is left behind."""
    partial = path.with_name(path.name + ".partial")
    try:
        with open(partial, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_archive(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays as a compressed npz file, in their order."""
    archive = io.BytesIO()
    np.savez_compressed(archive, **arrays)
    write_atomically(path, archive.getvalue())


def read_json(path: Path):
    """The file's content, or None if there is no file; a damaged one is set aside and named on standard error."""
    try:
        return json.loads(path.read_text()) if path.exists() else None
    except ValueError:
        path.replace(path.with_suffix(".json.damaged"))
        print(f"{path} is damaged and was set aside; it will be made again.", file=sys.stderr)
        return None
