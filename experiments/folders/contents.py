"""The files of a balanced folder: originals, new images, the list of them, a preview."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from tqdm import tqdm

from ...datasets import folder
from ...datasets.download import digest
from ...datasets.stored_images import taken
from ...models import named
from ..command_line import UsageError
from . import options as folder_options
from .destination import DATASET, MODEL, PREVIEW, new_name
from .refill import Made, overall, sample

LEFT_OUT = "left_out.csv"
N_SHOWN = 8
MAX_CLASSES_SHOWN = 12


def write_dataset(
    working: Path, options, loaded: folder.LoadedFolder, balancer, additions: dict[str, int], filters
) -> dict:
    """Write all files of DST below the working folder, instead of what an earlier attempt left of them.

    `filters` is the Chain that new images must pass, or None. Returns its pass rates.
    """
    dataset = working / DATASET
    shutil.rmtree(dataset, ignore_errors=True)
    for name in loaded.dataset.class_names:
        (dataset / name).mkdir(parents=True)
    model = working / MODEL
    # where and how verbosely it was fitted is not part of the model
    balancer.set_params(**named(options.method).fit_arguments(folder=None, verbose=0))
    balancer.save(model)
    balancer.set_params(**named(options.method).fit_arguments(folder=None, verbose=1))
    model_hash = digest(model, "sha256")
    for path in tqdm(loaded.paths, "originals", unit="image", delay=2, mininterval=1):
        copy(Path(options.source) / path, dataset / path, options.link)
    shown, rates = {}, {name: {} for name in options.filter}
    add_to_manifest(dataset, [])
    for label, name in enumerate(loaded.dataset.class_names):
        if not additions[name]:
            continue
        originals = taken(loaded.dataset.images, loaded.dataset.labels == label)
        first, n_written = originals[:0], 0
        with tqdm(None, f"new images of {name}", additions[name], unit="image", delay=2, mininterval=1) as bar:
            for made in sample(balancer, name, additions[name], options.seed, filters, originals):
                rows = write_images(dataset, options, name, made, n_written, loaded.paths, bar)
                add_to_manifest(dataset, [(*row, model_hash) for row in rows])
                first = np.concatenate([first, made.images[:N_SHOWN]])[:N_SHOWN]
                n_written += len(rows)
        caption = f"{name}, new"
        if filters is not None:
            rates = {chosen: rates[chosen] | of_class for chosen, of_class in made.rates.items()}
            caption += "\npassed {}\nreal {}".format(*overall(made.rates, name))
        if len(shown) < 2 * MAX_CLASSES_SHOWN:
            shown |= {f"{name}, originals": originals[:N_SHOWN], caption: first}
    if shown:
        from ...reports.figures import image_rows

        image_rows(shown, f"{options.method}, schedule {options.schedule}", dataset / PREVIEW)
    if loaded.unreadable:
        pd.DataFrame(loaded.unreadable, columns=["file", "reason"]).to_csv(dataset / LEFT_OUT, index=False)
    return rates


def write_images(dataset: Path, options, name: str, made: Made, n_before: int, paths: tuple[Path, ...], bar) -> list:
    """Write images of a class as PNG, numbered from `n_before` + 1 on; their rows of the manifest up to the model."""
    rows = []
    for number, (image, parent, styles) in enumerate(zip(made.images, made.parents, made.styles, strict=True)):
        file = Path(name, f"{new_name(options)}{n_before + number + 1:06d}.png")
        Image.fromarray(image.squeeze(-1) if image.shape[-1] == 1 else image).save(dataset / file)
        parent = "" if parent < 0 else paths[parent].as_posix()
        styles = [style if isinstance(style, str) else paths[style].as_posix() for style in styles]
        rows.append((file.as_posix(), options.method, name, options.seed, parent, "|".join(styles)))
        bar.update()
    return rows


def add_to_manifest(dataset: Path, rows: list[tuple]) -> None:
    """Add rows to the list of new images, which begins with its header."""
    path = dataset / folder_options.MANIFEST
    table = pd.DataFrame(rows, columns=folder_options.MANIFEST_COLUMNS)
    table.to_csv(path, mode="a", header=not path.exists(), index=False)


def copy(source: Path, target: Path, link: bool) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if not link:
        shutil.copy2(source, target)
        return
    try:
        target.hardlink_to(source.resolve())
    except OSError as error:
        raise UsageError(f"cannot link {source} ({error.strerror}); leave out --link") from error
