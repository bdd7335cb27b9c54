"""Files from the internet, verified before they are used."""

import contextlib
import hashlib
import http.client
import os
import shutil
import urllib.request
from pathlib import Path

from tqdm import tqdm

from .image_dataset import DatasetError


def cache_folder() -> Path:
    """Where Keras keeps its downloads: `datasets` below KERAS_HOME or ~/.keras."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "datasets"


def digest(path: Path, algorithm: str) -> str:
    """Hexadecimal hash of a file; `algorithm` as hashlib names it."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def cached(name: str, address: str, algorithm: str, expected: str, otherwise: str) -> Path:
    """Path of the file `name` in the cache folder, downloaded from `address` if missing; its hash is verified.

    A download is written under another name and renamed once its hash is verified. Raises DatasetError if the cached
    file is damaged or the download fails; its message ends with `otherwise`, which says what else the user can do. No
    file is deleted or replaced.
    """
    path = cache_folder() / name
    if not path.exists():
        _download(path, address, algorithm, expected, otherwise)
    elif digest(path, algorithm) != expected:
        raise DatasetError(f"{path} is damaged or incomplete; move it away to download it again")
    return path


def _download(path: Path, address: str, algorithm: str, expected: str, otherwise: str) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(address, timeout=60) as source, open(part, "wb") as target:
            n_bytes = int(source.headers.get("Content-Length", 0)) or None
            shown = {"total": n_bytes, "desc": path.name, "unit": "B", "unit_scale": True, "leave": False}
            with tqdm.wrapattr(target, "write", **shown) as watched:
                shutil.copyfileobj(source, watched)
        if digest(part, algorithm) == expected:
            part.replace(path)
            return
        reason = "the transfer was cut short or altered"
    except (OSError, http.client.HTTPException) as error:
        reason = str(error)
    finally:
        with contextlib.suppress(OSError):  # it would hide why the download failed
            part.unlink()
    raise DatasetError(f"{address} could not be downloaded ({reason}); connect to the internet, or {otherwise}")
