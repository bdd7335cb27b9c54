"""Measure the uses of autoencoders that the slides name, on test images and beside classic methods: reconstruction,
denoising, enhancement, compression, features, and whether an image is of a class.
"""

from dataclasses import replace
from pathlib import Path

from ...datasets.files import read_json
from ...datasets.tasks import SCHEDULES
from ..command_line import FailedError, Parser
from ..running import locks, run_folder
from ..running.plan import duration
from .data import DATASETS, parts_of
from .plan import USES, Plan

DEFAULT_OUT = "results/autoencoders"
DEFAULT_DATASETS = ("digits", "mnist")
WRITTEN = ("index.html", "results.csv", "tables", "figures", "runs")


def parse(prog: str, arguments=None):
    parser = Parser(prog, description=__doc__)
    parser.add_argument(
        "--datasets", nargs="+", choices=DATASETS, default=DEFAULT_DATASETS, metavar="NAME",
        help=f"which of {', '.join(DATASETS)} (default: {' '.join(DEFAULT_DATASETS)})",
    )  # fmt: skip
    parser.add_argument(
        "--schedule", choices=SCHEDULES, default="quick",
        help="smoke: every path in minutes, figures without meaning; quick: most of an hour; thesis: days on a CPU; "
        "--dry-run shows how long (default: %(default)s)",
    )  # fmt: skip
    parser.add_data_dir()
    parser.add_out(DEFAULT_OUT)
    parser.add_dry_run()
    options = parser.parse_args(arguments)
    options.datasets = list(dict.fromkeys(options.datasets))
    return options


def main(options) -> int:
    plan = Plan(Path(options.out), tuple(options.datasets), options.schedule)
    check_folder(plan, {})
    if options.dry_run:
        if options.data_dir:
            loaded(plan, options.data_dir)
        print_plan(plan)
        return 0
    datasets = loaded(plan, options.data_dir)
    check_folder(plan, datasets)
    with locks.held(plan.out, wait=False):
        print_plan(plan)
        run(plan, datasets)
    print(f"Tables are in {plan.out / 'tables'}, figures in {plan.out / 'figures'}, measurements in "
          f"{plan.out / 'results.csv'}.\nNext: open {plan.out / 'index.html'} in a browser.")  # fmt: skip
    return 0


def loaded(plan: Plan, data_dir: str | None) -> dict:
    """Name -> dataset; DatasetError if one cannot be had."""
    return {name: DATASETS[name].dataset_in(data_dir) for name in plan.datasets}


def check_folder(plan: Plan, datasets: dict) -> dict:
    """What the folder's `run.json` will hold: the command, the schedule, and a hash of each dataset's images.

    Raises UsageError if it already holds others.
    """
    chosen = {"schedule": plan.schedule, "command": "autoencoder"}
    return run_folder.check(plan.out, WRITTEN, chosen, {}, datasets)


def print_plan(plan: Plan) -> None:
    pieces = plan.pieces()
    print(f"Plan: schedule {plan.schedule}, into {plan.out}")
    print(f"{'dataset':10} {'use':16} {'networks':>8} {'measurements':>12} {'finished':>9}")
    for dataset in plan.datasets:
        for use in USES:
            own = [piece for piece in pieces if (piece.dataset, piece.use) == (dataset, use)]
            n_networks = len({plan.training_folder(piece) for piece in own if piece.asked.network})
            print(f"{dataset:10} {use:16} {n_networks:8} {len(own):12} {sum(map(plan.is_finished, own)):9}")
    left = duration(plan.remaining_seconds(pieces))
    print(f"Uses share networks. About {left} to go on two cores like the reference machine's.", flush=True)


def run(plan: Plan, datasets: dict) -> None:
    """Measure what is not finished, then write everything."""
    from . import write

    held, diverged = check_folder(plan, datasets), []
    run_folder.write(plan.out, held)
    if any(read_json(plan.record(piece)) is None for piece in plan.pieces()):  # damaged ones are made again
        from .runner import Runner

        settings = plan.settings
        of_all = {
            name: parts_of(DATASETS[name], dataset, settings.n_train_images, settings.n_test_images)
            for name, dataset in datasets.items()
        }
        diverged = Runner(plan, of_all).run_all()
    held_plans = {name: replace(plan, datasets=(name,)) for name in DATASETS if name in held["datasets"]}
    begun = [name for name, of_one in held_plans.items() if any(map(plan.is_finished, of_one.pieces()))]
    write.write_all(replace(plan, datasets=tuple(begun)))
    if diverged:
        raise FailedError("; ".join(diverged))
