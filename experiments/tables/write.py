"""From finished cells to results.csv, tables, figures and pages."""

import hashlib
import json
import pkgutil
import shlex
import sys
from dataclasses import replace
from pathlib import Path

from ...datasets.files import read_json, write_atomically, write_json
from ...datasets.tasks import Table, Task
from ...reports import agreement, page, plain_tables, tables
from ...reports.architecture import has_graphviz
from ..running.cell import Cell, in_words, label
from ..running.plan import Plan, duration
from . import agreements, pass_rates, quality, results

WRITTEN_FILE = "written.json"
PACKAGE = Path(__file__).resolve().parents[2]
RENDERERS = (
    "datasets/*.py",
    "evaluation/*.py",
    "experiments/tables/*",
    "experiments/running/*.py",
    "models/**/*.py",
    "reports/*.py",
)
TO_ORIGINALS = (
    "SSIM to originals: pairs of a new image and an original of its class; of originals, pairs of two. Means are over "
    "the classes that a method makes."
)
BEYOND = "† Beyond the source of this table, which does not measure it."


def is_current(plan: Plan, tasks: list[Task], cells: list[Cell]) -> bool:
    """Whether everything that `write_all` would write is there, made from the same records by the same program."""
    written = read_json(plan.out / WRITTEN_FILE) or {}
    if written.get("inputs") != _inputs(plan, *results.with_earlier_runs(plan, tasks, cells)):
        return False  # perhaps another version's, whose form is unknown
    return all(_digest(plan.out / name) == found for name, found in written["files"].items())


def write_all(runner, tasks: list[Task], cells: list[Cell]) -> None:
    """Write results.csv, tables/, figures/, index.html and a page per dataset from all finished cells.

    Tables show what was asked for, even if it has not been run, and what earlier commands have finished.
    """
    from ...reports import comparison_figures
    from . import figures
    from .architectures import rendered_networks

    plan, out = runner.plan, runner.plan.out
    tasks, cells = results.with_earlier_runs(plan, tasks, cells)
    plan.tasks.update({task.name: task for of in tasks for task in (of, of.undropped)})
    for folder in ("tables", "figures", "pages"):
        (out / folder).mkdir(exist_ok=True)
    records = {cell: record for cell in cells if (record := runner.cached(cell))}
    frame = results.collect(plan, tasks, cells, records)
    write_atomically(out / "results.csv", frame.loc[frame["value"].notna(), results.COLUMNS].to_csv(index=False))
    summary = tables.summarise(frame)
    written = write_tables(plan, tasks, cells, records, summary)
    further = write_further_tables(runner, tasks, records)
    named = {table.name for task in tasks for table in task.tables} | {table.name for table in further}
    _remove_earlier_tables(out, named)
    print_tables(out)
    figures.write_all(runner, tasks, records)
    pages = {}
    for dataset in dict.fromkeys(task.dataset for task in tasks):
        of_dataset = [task for task in tasks if task.dataset == dataset]
        own = {cell: record for cell, record in records.items() if any(results.is_of(cell, t) for t in of_dataset)}
        name, methods = _name(of_dataset), {cell.method for cell in own}
        pages[name] = path = Path("pages") / f"{dataset}.html"
        html = page.dataset(
            f"{name}: figures and cells",
            figures.captions(out / "figures", of_dataset, methods),
            f"private/{dataset}.html" if of_dataset[0].images_are_private else None,
            [(str(cell), record["wall_time_s"], in_words(record)) for cell, record in own.items()],
            _configurations(own),
            _environments(own.values()),
        )
        write_atomically(out / path, html)
        private = figures.captions(out / "private", of_dataset, methods)
        if private:
            html = page.figures_alone(f"{name}: images that may be shown to nobody else", private)
            write_atomically(out / "private" / f"{dataset}.html", html)
    for table in further:
        if table.name == quality.TABLE:
            pages["Quality against minutes"] = path = Path("pages") / f"{quality.FIGURE}.html"
            picture = out / "figures" / f"{quality.FIGURE}.png"
            comparison_figures.quality_and_cost(table.frame, "Dataset", "Method", quality.QUALITY, picture)
            write_atomically(out / path, page.of_table(table, picture))
    pages["Networks"] = Path("pages") / "networks.html"
    write_atomically(out / pages["Networks"], page.networks("Networks", rendered_networks(tasks)))
    title = f"Class balancing: schedule {plan.schedule}, protocol {plan.protocol}"
    compared = out / "figures" / "compared.png"
    compared = compared if compared.exists() else None
    html = page.index(title, agreements.rows(summary, tasks), written, further, compared, pages)
    write_atomically(out / "index.html", html)
    found = [path for name in ("tables", "figures", "pages", "private") for path in (out / name).glob("*.*")]
    files = [path.relative_to(out).as_posix() for path in found]
    digests = {name: _digest(out / name) for name in sorted(["index.html", "results.csv", *files])}
    note = {"inputs": _inputs(plan, tasks, cells), "files": digests}
    write_json(out / WRITTEN_FILE, note)


def _remove_earlier_tables(out: Path, names: set[str]) -> None:
    """Remove the tables that an earlier command wrote, if nobody has changed them, but those of these names."""
    removed = []
    for name, found in (read_json(out / WRITTEN_FILE) or {}).get("files", {}).items():
        path = out / name
        if name.startswith("tables/") and path.stem not in names and path.exists() and _digest(path) == found:
            path.unlink()
            removed.append(path.stem)
    if removed:
        print(f"Removed tables of earlier settings: {', '.join(dict.fromkeys(removed))}.", file=sys.stderr)


def print_tables(out: Path) -> None:
    for path in sorted((out / "tables").glob("*.md"), key=lambda path: (len(path.stem), path.stem)):
        print(f"## {path.stem}\n\n{path.read_text()}")


def _digest(path: Path) -> str | None:
    """Hash of a file; None if there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None


def _inputs(plan: Plan, tasks: list[Task], cells: list[Cell]) -> str:
    """Hash of the records that are shown, of what is shown of them, and of the program that shows them."""
    found = hashlib.sha256(repr((plan.schedule, plan.protocol, [task.name for task in tasks])).encode())
    known = replace(plan, tasks={t.name: t for task in tasks for t in (task, task.undropped)})
    for cell in cells:
        found.update(str(cell).encode())
        for path in (known.folder(cell) / "cell.json", known.failure_log(cell)):
            found.update(path.read_bytes() if path.exists() else b"")
    found.update(str(has_graphviz()).encode())  # without it there are no diagrams
    for pattern in RENDERERS:
        for path in sorted(PACKAGE.glob(pattern)):
            found.update(path.read_bytes() if path.is_file() else b"")
    return found.hexdigest()


def _name(tasks: list[Task]) -> str:
    """Of a dataset and those of its tasks that are shown, in which they differ after a comma."""
    labels = dict.fromkeys(task.label for task in tasks)
    own, *_ = next(iter(labels)).split(", ")
    if len(labels) == 1 or own in labels:
        return next(iter(labels))
    return f"{own}: {'; '.join(label.removeprefix(f'{own}, ') for label in labels)}"


def write_tables(plan: Plan, tasks: list[Task], cells: list[Cell], records: dict[Cell, dict], summary) -> list:
    """Write each table as Markdown and LaTeX, and return (caption, summary, notes) of each."""
    found: dict[str, list[tuple[Task, Table]]] = {}
    for task in tasks:
        for table in task.tables:
            found.setdefault(table.name, []).append((task, table))
    written = []
    for name in sorted(found):
        of_tasks = [task for task, _ in found[name]]
        metrics = found[name][0][1].metrics
        own = summary[(summary["table"] == name) & summary["metric"].isin(metrics)]
        shown = set(own["method"])
        of_table = [c for c in cells if c.method in shown and any(results.is_of(c, task) for task in of_tasks)]
        notes = _notes(plan, of_tasks, metrics, of_table, records)
        notes += dict.fromkeys(note for _, table in found[name] for note in table.notes)
        notes += [BEYOND] if own["label"].str.endswith("†").any() else []
        notes += [TO_ORIGINALS] if "ssim_to_originals" in metrics else []
        notes += [agreement.NOTE] if own["printed"].notna().any() else []
        caption = _caption(name, of_tasks, metrics)
        write_atomically(plan.out / "tables" / f"{name}.md", tables.markdown(own, caption, notes))
        write_atomically(plan.out / "tables" / f"{name}.tex", tables.latex(own, caption, notes))
        written.append((caption, own, notes))
    return written


def write_further_tables(runner, tasks: list[Task], records: dict[Cell, dict]) -> list[plain_tables.PlainTable]:
    """Write the tasks' further tables as Markdown, LaTeX and CSV, and return them."""
    makers = dict.fromkeys(task.further_tables for task in tasks if task.further_tables)
    found = [table for maker in makers for table in pkgutil.resolve_name(maker)(runner, records)]
    found += pass_rates.tables(runner.plan, records)
    for table in found:
        folder = runner.plan.out / "tables"
        write_atomically(folder / f"{table.name}.md", plain_tables.markdown(table))
        write_atomically(folder / f"{table.name}.tex", plain_tables.latex(table))
        write_atomically(folder / f"{table.name}.csv", table.frame.to_csv(index=False))
    return found


def _caption(name: str, tasks: list[Task], metrics: tuple[str, ...]) -> str:
    what = ["SSIM of pairs of images of one class"] if "ssim" in metrics else []
    what += ["classifier on real test images"] if set(metrics).difference(results.SIMILARITIES) else []
    text = ", and ".join(what)
    return f"Table {name}. {text[0].upper()}{text[1:]}; {'; '.join(task.title for task in tasks)}."


def _notes(plan: Plan, tasks: list[Task], metrics, cells: list[Cell], records: dict[Cell, dict]) -> list[str]:
    own = [records[cell] for cell in cells if cell in records]
    versions = {f"{name} {version}" for record in own for name, version in record["environment"]["packages"].items()}
    warning = ["Schedule smoke only tests the program: its figures mean nothing."] if plan.schedule == "smoke" else []
    logs = {cell: plan.failure_log(cell) for cell in cells if cell not in records}
    failed = [f"{label(cell.method)}, seed {cell.seed}, failed: {log}" for cell, log in logs.items() if log.exists()]
    n_seeds = {task.label: 1 + max(c.seed for c in cells if results.is_of(c, task)) for task in tasks}
    seeds = ", ".join(f"{name} {n}" for name, n in n_seeds.items())
    of_seeds = "sampling, pairing and classifier; split and generative networks are the same for all"
    if all(task.is_redrawn for task in tasks):
        of_seeds = "training images, what methods learn from them, sampling, pairing and classifier"
    filters = [f"New images that did not pass {', '.join(plan.filters)} were dropped and not replaced."]
    return [
        *warning,
        *failed,
        *(filters if plan.filters else ()),
        f"Ours: mean ± standard deviation over seeds ({seeds}) of {of_seeds}.",
        *_ranges_of_ssim(tasks, metrics),
        *(_difference_from_thesis(plan, task, metrics, cells) for task in tasks if task.published),
        f"Schedule {plan.schedule}, protocol {plan.protocol}; all configurations, versions and wall times "
        "are in runs/*/cell.json.",
        f"Computed in {duration(results.computing_seconds(own))} ({', '.join(sorted(versions))}); "
        f"last written by python {shlex.join(sys.argv)}",
    ]


def _ranges_of_ssim(tasks: list[Task], metrics) -> list[str]:
    """In words, between which values the images lie of which SSIM is shown: it depends on their position."""
    if not set(metrics).intersection(results.SIMILARITIES):
        return []
    from ...evaluation.ssim import DEFAULT_RANGE

    labels = {}
    for task in tasks:
        labels.setdefault(task.ssim_range or DEFAULT_RANGE, {})[task.label] = None
    ranges = [f"[{low:g}, {high:g}] ({', '.join(names)})" for (low, high), names in labels.items()]
    return [f"SSIM of images with values in {', '.join(ranges)}."]


def _difference_from_thesis(plan: Plan, task: Task, metrics, cells: list[Cell]) -> str:
    """In words, each hyperparameter that differs from that of schedule `thesis`, as "ours (thesis)"."""
    of_thesis, ours, theirs = replace(plan, schedule="thesis"), {}, {}
    for cell in cells:
        if cell.makes_images and results.is_of(cell, task):
            ours |= plan.arguments_of_each(cell)
            theirs |= of_thesis.arguments_of_each(cell)
    parts = [part for name in ours for part in _changes(name, ours[name], theirs[name])]
    if set(metrics).difference(results.SIMILARITIES):
        schedules = task.classifier.schedules
        parts += _changes("classifier", schedules[plan.schedule], schedules["thesis"])
    return f"{task.label} as in schedule thesis" + (" but for " + "; ".join(parts) if parts else "") + "."


def _changes(name: str, ours: dict, printed: dict) -> list[str]:
    changed = [
        f"{key} {value} ({printed.get(key, 'none')})" for key, value in ours.items() if value != printed.get(key)
    ]
    return [f"{name}: {', '.join(changed)}"] if changed else []


def _configurations(records: dict[Cell, dict]) -> list[tuple[str, str]]:
    """Name and configuration of each method on each task, without the seed."""
    found = {}
    for cell, record in records.items():
        configuration = {key: value for key, value in record["configuration"].items() if key != "seed"}
        found[cell.group] = json.dumps(configuration, indent=1)
    return list(found.items())


def _environments(records) -> list[tuple[str, str]]:
    """Each different environment, and how many cells ran in it."""
    texts = [json.dumps(record["environment"], indent=1) for record in records]
    return [(f"Environment of {texts.count(text)} cells", text) for text in dict.fromkeys(texts)]
