"""Regenerate the sources' tables: the thesis's C.1-C.8 (MNIST, CIFAR-10, Vehicles), the same for digits, those of the
slides on FER2013 (F), of few images and learned deformations (G), of styles (I), of new images' quality and options of
GANs (J).
"""

import argparse
import itertools
import sys
from pathlib import Path

from ...datasets.tasks import SCHEDULES, Task
from ...evaluation.protocol import PROTOCOLS, part_indices
from ...models import BASELINE, METHODS, named
from ...models.method import Chained
from ..command_line import EXIT_FAILED, Parser, UsageError, method_name, percentage, positive
from ..running import devices, locks, run_folder
from ..running.cell import AS_MANY_ORIGINALS, BALANCED_ORIGINAL, Cell, cell_named
from ..running.filters import FILTERS, HELP, check_packages
from ..running.plan import Plan, cells_of, digest, duration
from . import TASKS, compared_together, task_named

DEFAULT_OUT = "results"
WRITTEN = (
    "index.html", "results.csv", "tables", "figures", "pages", "private", "runs", "written.json", "fer2013.json",
    "test-labels.json",
)  # fmt: skip
DEFAULT_DATASETS = ("mnist", "cifar10", "vehicles")
CHOICES = tuple(name for name in METHODS if name != BASELINE)  # it is always there
MIN_IMAGES_MISSING = 4  # two pairs for SSIM


def parse(prog: str, arguments=None):
    datasets = list(dict.fromkeys(task.dataset for task in TASKS.values()))
    parser = Parser(prog, description=__doc__)
    parser.add_argument(
        "--datasets", nargs="+", choices=datasets, default=DEFAULT_DATASETS, metavar="NAME",
        help=f"which of {', '.join(datasets)} (default: {' '.join(DEFAULT_DATASETS)})",
    )  # fmt: skip
    parser.add_argument(
        "--dropped", nargs="+", type=percentage, metavar="PERCENT",
        help="per cent of the minority class to drop (default: 50 75, as in the thesis)",
    )  # fmt: skip
    parser.add_argument(
        "--methods", nargs="+", type=measured_method, metavar="NAME",
        help=f"which of {', '.join(CHOICES)}, or chains as first+second (default: those that the source of each "
        "dataset compares, and rivals)",
    )  # fmt: skip
    parser.add_argument(
        "--schedule", choices=SCHEDULES, default="quick",
        help="smoke: every path in minutes, figures without meaning; quick: hours; thesis: as printed, weeks on a "
        "CPU; --dry-run shows how long (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--seeds",
        type=positive,
        metavar="N",
        help="measurements of each method (default: as many as the plan shows, 1 to 10)",
    )
    parser.add_argument(
        "--protocol", choices=PROTOCOLS, default="thesis",
        help="thesis: validation set taken after balancing; clean: before, real images only (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--filter", nargs="+", choices=FILTERS, default=[], metavar="NAME",
        help=f"{HELP}; others are dropped and not replaced",
    )  # fmt: skip
    parser.add_data_dir()
    parser.add_out(DEFAULT_OUT)
    devices.add_to(parser, "; with TF_CONFIG all devices of its machines")
    parser.add_argument("--jobs", type=positive, default=1, metavar="N", help="cells side by side (default: 1)")
    parser.add_argument(
        "--cell", type=cell_id, metavar="ID", help="run this cell only, whatever else is asked for, and write no tables"
    )
    parser.add_argument("--list-cells", action="store_true", help="print the ID of each cell of the plan and stop")
    parser.add_dry_run()
    options = parser.parse_args(arguments)
    if options.jobs > 1 and devices.n_machines() > 1:
        parser.error("--jobs is for one machine, but TF_CONFIG names several")
    options.datasets = list(dict.fromkeys(options.datasets))
    options.filter = list(dict.fromkeys(options.filter))
    if options.cell:
        task = task_named(options.cell.task)
        options.datasets = [task.dataset]
        options.dropped = [task.dropped_percent] if task.dropped_percent else options.dropped
    elif options.dropped:
        others = [name for name in options.datasets if not _drops(name)]
        if others == options.datasets:
            parser.error(f"--dropped: {' and '.join(others)} drop{'s' * (len(others) == 1)} no images; leave it out")
        if others:
            print(f"--dropped says nothing about {', '.join(others)}, which drop no images.", file=sys.stderr)
    return options


def measured_method(text: str) -> str:
    """argparse type: a method or chain other than the baseline."""
    name = method_name(text)
    if name == BASELINE:
        raise argparse.ArgumentTypeError(f"{name} is always measured; name others")
    return name


def cell_id(text: str) -> Cell:
    """argparse type: the cell of this name."""
    try:
        cell = cell_named(text)
        is_known = has_cell(task_named(cell.task), cell)
    except ValueError:
        is_known = False
    if not is_known:
        raise argparse.ArgumentTypeError(f"no cell is called {text!r}; --list-cells prints their IDs")
    return cell


def has_cell(task: Task, cell: Cell) -> bool:
    """Whether the task measures the cell's method or reference."""
    if cell.method == BALANCED_ORIGINAL:
        return task.dropped_percent == 0
    if task.n_new_only:
        return cell.makes_images or cell.method == AS_MANY_ORIGINALS
    return task.dropped_percent != 0 and cell.method != AS_MANY_ORIGINALS


def asked_tasks(options) -> list[Task]:
    """The tasks of the datasets, with the percentages that were asked for, of those that drop images."""
    found = []
    for dataset in options.datasets:
        if options.dropped is None or not _drops(dataset):
            found += [task for task in TASKS.values() if task.dataset == dataset]
        else:
            found += [task_named(f"{dataset}-{percent}") for percent in sorted(set(options.dropped))]
    return found


def _drops(dataset: str) -> bool:
    return any(task.dropped_percent is not None for task in TASKS.values() if task.dataset == dataset)


def asked_cells(options, tasks: list[Task]) -> list[Cell]:
    if options.cell:
        return [options.cell]
    found = []
    for group in compared_together(tasks):
        n_seeds = options.seeds or group[0].n_seeds[options.schedule]
        found += cells_of(group, options.methods or group[0].methods, {group[0].dataset: n_seeds})
    return list(dict.fromkeys(found))  # a baseline may stand in tables of two groups


def main(options) -> int:
    tasks = asked_tasks(options)
    cells = asked_cells(options, tasks)
    if options.list_cells:
        print(*cells, sep="\n")
        return 0
    by_name = {task.name: task for task in (*tasks, *(task.undropped for task in tasks if task.dropped_percent))}
    plan = Plan(Path(options.out), by_name, options.schedule, options.protocol, tuple(options.filter))
    check_folder(plan, {})
    check_chains(cells)
    devices.check(options.devices)
    if options.dry_run and not options.data_dir:  # a plan needs no download
        print_plan(plan, cells)
        return 0
    if not options.dry_run:
        check_packages({name for cell in cells if not plan.is_finished(cell) for name in plan.rated_filters(cell)})
    datasets = {task.dataset: task.dataset_in(options.data_dir) for task in {t.dataset: t for t in tasks}.values()}
    check_class_sizes(plan, tasks, cells, datasets)
    check_folder(plan, datasets)
    if options.dry_run:
        print_plan(plan, cells)
        return 0
    print_plan(plan, cells)
    return run(plan, tasks, cells, datasets, options)


def check_chains(cells: list[Cell]) -> None:
    """Raise UsageError for a chain of methods that do not go together."""
    for name in dict.fromkeys(cell.method for cell in cells if cell.has_method):
        if isinstance(method := named(name).image_method, Chained):
            try:
                method.new().check_methods()
            except ValueError as error:
                raise UsageError(f"{name}: {error}") from error


def check_class_sizes(plan: Plan, tasks: list[Task], cells: list[Cell], datasets: dict) -> None:
    """Raise UsageError if dropping leaves too few images to learn from or too few to make and measure."""
    for task in tasks:
        dataset, dropping = datasets[task.dataset], f"dropping {task.dropped_percent} % of {task.measured_label}"
        try:
            indices, missing = part_indices(dataset.labels, task, plan.protocol, official=dataset.official_parts)
        except ValueError as error:
            if not task.dropped_percent:
                raise UsageError(f"{task.dataset} cannot be split: {error}") from error
            raise UsageError(
                f"{dropping} of {task.dataset} leaves too few images to split; choose another percentage"
            ) from error
        if not task.dropped_percent:
            continue
        needed = 2  # for a class's Gaussian
        unfinished = [cell for cell in cells if cell.task == task.name and not plan.is_finished(cell)]
        for cell in {cell.method: cell for cell in unfinished if cell.makes_images}.values():
            needed = max(needed, named(cell.method).new(**plan.arguments(cell)).min_images)
        for label in task.measured:
            n_left = int((dataset.labels[indices["train"]] == label).sum())
            if n_left < needed or missing[label] < MIN_IMAGES_MISSING:
                raise UsageError(
                    f"{dropping} of {task.dataset} leaves {n_left} images and removes {missing[label]}, but at least "
                    f"{needed} and {MIN_IMAGES_MISSING} are needed; choose another percentage or other --methods"
                )


def check_folder(plan: Plan, datasets: dict) -> dict:
    """What the folder's `run.json` will hold: schedule, protocol, filters, and a hash of each dataset's images.

    Raises UsageError if it already holds others.
    """
    chosen = {"schedule": plan.schedule, "protocol": plan.protocol}
    return run_folder.check(plan.out, WRITTEN, chosen, {"filters": list(plan.filters)}, datasets)


def print_plan(plan: Plan, cells: list[Cell]) -> None:
    filters = f", filters {', '.join(plan.filters)}" if plan.filters else ""
    print(f"Plan: schedule {plan.schedule}, protocol {plan.protocol}{filters}, into {plan.out}")
    print(f"{'cell':34} {'epochs':42} state")
    for group, seeds in itertools.groupby(cells, key=lambda cell: cell.group):
        seeds = list(seeds)
        n_finished = sum(map(plan.is_finished, seeds))
        print(f"{group:34} {plan.epochs(seeds[0]):42} {n_finished} of {len(seeds)} seeds finished")
    print(
        f"About {duration(plan.remaining_seconds(cells))} to go on two cores like the reference machine's.", flush=True
    )


def run(plan: Plan, tasks: list[Task], cells: list[Cell], datasets: dict, options) -> int:
    from . import write

    out = plan.out
    if not options.cell and all(map(plan.is_finished, cells)) and write.is_current(plan, tasks, cells):
        write.print_tables(out)
        print(f"All {len(cells)} cells were finished and everything in {out} is up to date.")
        print(next_step(out, plan.protocol))
        return 0
    from ..running import workers
    from ..running.environment import environment
    from ..running.runner import Runner

    runner = Runner(plan, datasets, strategy=devices.strategy(options.devices))
    if devices.n_machines() > 1 and not begins_together(runner, cells):
        return EXIT_FAILED if workers.train_with_the_chief(runner, cells) else 0
    claim_folder(plan, datasets)
    earlier = [record for cell in cells if (record := runner.cached(cell))]
    failed = workers.run_all(runner, cells, options.jobs, options.devices)
    different = workers.other_environments(earlier, environment(runner.strategy))
    if different:
        print(
            f"{len(earlier)} cells were finished before, some in another environment, which can change their last "
            f"bits: {'; '.join(different)}. Another --out computes them again.",
            file=sys.stderr,
        )
    if not options.cell:
        with locks.held(out, wait=True):
            print(flush=True)
            write.write_all(runner, tasks, cells)
        print(f"Tables are in {out / 'tables'}, figures in {out / 'figures'}, measurements in {out / 'results.csv'}.")
    if failed:
        print(f"{len(failed)} of {len(cells)} cells failed; the same command tries them again.", file=sys.stderr)
        return EXIT_FAILED
    if options.cell:
        print(f"The cell is in {plan.folder(options.cell)}. Next: the same command without --cell writes the tables.")
    else:
        print(next_step(out, plan.protocol))
    return 0


def next_step(out: Path, protocol: str) -> str:
    """What to do after all tables are written."""
    other = f", or run the same with --protocol clean --out {out}-clean" if protocol == "thesis" else ""
    return f"Next: open {out / 'index.html'} in a browser{other}."


def claim_folder(plan: Plan, datasets: dict) -> None:
    """Write `run.json`, unless another run has meanwhile taken the folder for other results."""
    with locks.held(plan.out, wait=True):
        run_folder.write(plan.out, check_folder(plan, datasets))


def begins_together(runner, cells: list[Cell]) -> bool:
    """Wait until all machines are here; returns whether this one is the chief.

    Raises UsageError if they do not see the same finished cells.
    """
    from ...models.training.replicas import same_everywhere

    out = runner.plan.out
    with runner.strategy.scope():
        finished = [str(cell) for cell in cells if runner.cached(cell) is not None]
        if not same_everywhere(int(digest({"finished": finished}), 16)):
            raise UsageError(f"the machines see different results in {out}; it must be shared by all of them")
    return runner.strategy.extended.should_checkpoint
