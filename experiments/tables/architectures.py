"""Regenerate the thesis's Tables B.1-B.10, those of all other networks, and a diagram of each."""

import json
import pkgutil
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from ...datasets.tasks import Task
from ...models import METHODS
from ..command_line import Parser
from ..running import locks, run_folder
from . import SOURCES, TASKS

DEFAULT_OUT = "results/architectures"
UNDER_QUICK = ", under quick"


def printed_networks(tasks: Iterable[Task]) -> dict[str, tuple[str, str]]:
    """Number of the table -> caption, path of the builder, of the tasks' sources."""
    datasets = {task.dataset for task in tasks}
    sources = [source for source in SOURCES if datasets & {task.dataset for task in source.TASKS}]
    return {name: printed for source in sources for name, printed in source.PRINTED_NETWORKS.items()}


def networks(tasks: Iterable[Task]) -> Iterator[tuple[str, str, object]]:
    """(file name, what it is, builder) of the networks of tasks and their methods, for each size of images.

    Those of schedule thesis, then those of quick, which may be smaller.
    """
    from ...models.networks.classifiers import builder

    of_shape = {}
    for task in tasks:
        of_shape.setdefault((task.image_shape, task.n_classes), []).append(task)
    compared = {method for task in TASKS.values() for method in task.methods}
    for place, alike in enumerate(of_shape.values()):
        drawn = {method for each in alike for method in each.methods}
        drawn |= METHODS.keys() - compared if place == 0 else set()  # those that no source compares, once
        for schedule, ending in (("thesis", ""), ("quick", UNDER_QUICK)):
            for method in METHODS.values():
                if method.family == "network" and method.name in drawn:
                    made, task = method.load(), next((t for t in alike if method.name in t.methods), alike[0])
                    printed = task.arguments.get(schedule, {}).get(method.name)
                    chosen = printed or made.arguments(schedule, task.n_train_images, task.is_mirrored)
                    chosen = dict(chosen) | task.overrides.get(method.name, {})
                    for network, build in made(**chosen).networks(task.image_shape, task.n_classes).items():
                        name = f"{alike[0].dataset}-{method.name}-{network}".replace("_", "-")
                        what = f"{method.label} {network.replace('_', ' ')}, {alike[0].label}"
                        yield name + "-quick" * bool(ending), what + ending, build
        judged = {}
        for task in alike:
            judged.setdefault(task.classifier.network, task)
        for network, task in judged.items():
            name = task.name if task.dropped_percent is None else task.dataset
            build = partial(builder(network), task.n_classes, task.image_shape)
            yield f"{name}-classifier", f"evaluation classifier, {task.label}", build


def built_networks(tasks: Iterable[Task] = tuple(TASKS.values())) -> Iterator[tuple[str, str, object]]:
    """(file name, caption, model) of each network: what the tasks' sources print, then what these do not.

    Networks that are the same layer by layer appear once. Layers without a printed name are numbered afresh in each.
    """
    import keras

    from ...reports import architecture

    def built(build):
        keras.backend.clear_session(free_memory=False)  # resets names; collecting garbage takes longer than building
        model = build()
        return model, json.dumps(architecture.layer_rows(model))

    printed = set()
    for name, (caption, path) in printed_networks(tasks).items():
        model, rows = built(pkgutil.resolve_name(path))
        printed.add(rows)
        yield name, f"Table {name}: {caption}.", model
    twins = {}
    for name, what, build in networks(tasks):
        model, rows = built(build)
        if rows not in printed:
            known = twins.setdefault(rows, (name, model, []))[2]
            if what.removesuffix(UNDER_QUICK) not in known:
                known.append(what)
    for name, model, which in twins.values():
        yield name, f"Not printed: {'; '.join(which)}.", model


def rendered_networks(tasks: Iterable[Task]) -> Iterator[tuple[str, list[list[str]], str | None]]:
    """Caption, table as texts and diagram as SVG (None without graphviz) of each network of the tasks."""
    from ...reports import architecture

    draw = architecture.has_graphviz()
    for _, caption, model in built_networks(tasks):
        svg = architecture.diagram(model, "svg").decode() if draw else None
        yield caption, architecture.text_rows(model), svg and svg[svg.index("<svg") :]


def parse(prog: str, arguments=None):
    parser = Parser(prog, description=__doc__)
    parser.add_argument("--out", default=DEFAULT_OUT, metavar="DIR", help="where to write (default: %(default)s)")
    return parser.parse_args(arguments)


def main(options) -> int:
    out = Path(options.out)
    present = tuple(path.name for path in out.iterdir() if path.name != ".lock") if out.is_dir() else ()
    claimed = run_folder.check(out, present, {"command": "architectures"}, {}, {})
    with locks.held(out, wait=False):
        run_folder.write(out, claimed)
        return write(out)


def write(out) -> int:
    from ...datasets.files import write_atomically
    from ...reports import architecture

    draw = architecture.has_graphviz()
    for name, caption, model in built_networks():
        write_atomically(out / f"{name}.md", architecture.markdown(model, caption))
        write_atomically(out / f"{name}.tex", architecture.latex(model, caption))
        if draw:
            for ending in ("png", "svg"):
                write_atomically(out / f"{name}.{ending}", architecture.diagram(model, ending))
        print(f"{len(model.layers):3} layers {model.count_params():8} parameters  {caption}")
    print(f"Tables are in {out}, as Markdown and LaTeX" + (", with a diagram of each as PNG and SVG." if draw else "."))
    if not draw:
        print(
            "No diagrams: graphviz is missing. Install it (Debian: apt-get install graphviz) and run this again.",
            file=sys.stderr,
        )
    return 0
