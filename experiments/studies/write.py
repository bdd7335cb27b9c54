"""From what is finished to the study's tables, figures and page."""

import json
import re
from pathlib import Path

import pandas as pd

from ...datasets.files import read_json, write_atomically
from ...evaluation import ranks
from ...evaluation.protocol import N_VALIDATION_IMAGES
from ...models import BASELINE
from ...reports import comparison_figures, html_parts, page, plain_tables
from ..running.cell import label
from . import advice, tables
from .data import TEST_FRACTION
from .findings import ADJUSTMENT, Findings, find
from .order import Study
from .results import ENVIRONMENTS, Results
from .tasks import CLASSIFIER_SCHEDULES, STUDIED

TITLE = "Does balancing help? Every method on five datasets"
VERDICTS = "verdicts.csv"
NAME_OF_TABLE = re.compile(r"K\.\d[ab]?(-[a-z0-9]+)?\.(md|tex|csv)")
CAPTIONS = {
    "K.1": "Verdicts: dark with + helped, grey with − hurt, · no evidence, × too few images of the class, "
    "! failed, white: nothing to add or not finished.",
    "K.2a": "Average ranks; bars join methods that the test does not tell apart.",
    "K.3": "What methods gain, and what that costs: means over the tasks on which each is finished (Table K.3 says how "
    "many).",
}


def write_all(study: Study, results: Results) -> None:
    """Write verdicts.csv, tables/, figures/ and index.html below the study's folder; what they had before goes."""
    findings, out = find(study, results), study.out
    for folder in ("tables", "figures"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    compared = {BASELINE: findings.verdicts, ADJUSTMENT: findings.against_adjustment}
    verdicts = pd.concat([frame.assign(against=baseline) for baseline, frame in compared.items()])
    write_atomically(out / VERDICTS, verdicts.to_csv(index=False))
    made = tables.tables(findings)
    for table in made:
        forms = {
            "md": plain_tables.markdown(table),
            "tex": plain_tables.latex(table),
            "csv": table.frame.to_csv(index=False, float_format="%.5f"),
        }
        for ending, text in forms.items():
            write_atomically(out / "tables" / f"{table.name}.{ending}", text)
    drawn = write_figures(findings, made, out / "figures")
    write_atomically(out / "index.html", _page(study, findings, made, drawn))
    kept = {path for paths in drawn.values() for path in paths}
    names = {table.name for table in made}
    of_tables = (path for path in (out / "tables").iterdir() if NAME_OF_TABLE.fullmatch(path.name))
    figures = (path for name in ("matrix", "cost", "ranks-*") for path in (out / "figures").glob(f"{name}.png"))
    for path in (*of_tables, *figures):
        if path not in kept and path.stem not in names:
            path.unlink()


def write_figures(findings: Findings, made: list[plain_tables.PlainTable], folder: Path) -> dict[str, list[Path]]:
    """Draw those for which something is finished; returns their paths, by the table to which they belong."""
    drawn = {}
    if findings.n_finished:
        states = findings.states[tables.compared(findings)].rename(columns=label)
        columns = [(studied.column, f"{studied.percent} %" if studied.percent else "") for studied in STUDIED.values()]
        drawn["K.1"] = [folder / "matrix.png"]
        comparison_figures.verdict_matrix(states.T, columns, "", *drawn["K.1"])
    for title, scores in tables.rankings(findings).items():
        means, average, difference = tables.ranked(scores)
        average = average.rename(label)
        groups = ranks.not_told_apart(average, difference)
        path = folder / f"ranks-{title.replace(' ', '-')}.png"
        comparison_figures.critical_difference(average, difference, groups, f"{title}, {len(means)} datasets", path)
        drawn.setdefault("K.2a", []).append(path)
    for table in made:
        if table.name == "K.3":
            drawn["K.3"] = [folder / "cost.png"]
            comparison_figures.gain_and_cost(table.frame, *drawn["K.3"])
    return drawn


def progress(findings: Findings) -> str:
    """How much is finished, in a sentence."""
    text = f"{findings.n_finished} of {findings.n_entries} pairs of a task and a method are finished"
    if findings.failures:
        text += f", {len(findings.failures)} failed"
    if findings.n_outdated:
        text += f"; {findings.n_outdated} were measured with other settings and are left out until they are run again"
    return f"{text}."


def _page(study: Study, findings: Findings, made: list[plain_tables.PlainTable], drawn: dict[str, list[Path]]) -> str:
    sentences = advice.advice(findings)
    warning = ["Schedule smoke only tests the program: its figures mean nothing."] * (study.schedule == "smoke")
    parts = ['<h2 id="advice">Advice</h2>', *map(_paragraph, [*warning, progress(findings)])]
    parts += [_paragraph(text) for text in [*sentences, *[f"{tables.SAME_IMAGES} {tables.SHORT}"] * bool(sentences)]]
    parts.append('<h2 id="tables">Tables and figures</h2>')
    for table in made:
        parts.append(page.plain_section(table))
        if table.name in drawn:
            parts.append(html_parts.figures(CAPTIONS[table.name], drawn[table.name]))
    parts.append('<h2 id="measured">How it was measured</h2>')
    parts += map(_paragraph, _method(study))
    for environment in read_json(study.out / ENVIRONMENTS) or []:
        parts.append(html_parts.details("Environment", json.dumps(environment, indent=1)))
    sections = {"advice": "Advice", "tables": "Tables and figures", "measured": "How it was measured"}
    return html_parts.document(TITLE, sections, parts)


def _paragraph(text: str) -> str:
    return f"<p>{html_parts.html.escape(text)}</p>"


def _method(study: Study) -> list[str]:
    classifier = ", ".join(f"{name} {value}" for name, value in CLASSIFIER_SCHEDULES[study.schedule].items())
    return [
        f"Schedule {study.schedule}, {study.n_seeds} seeds. Every classifier is the network `scaled_classifier`, with "
        f"{classifier}; its last weights are kept, so that nothing is chosen by validation. Up to "
        f"{N_VALIDATION_IMAGES} further training images only show how well it learned, and real images only test "
        f"(digits and Vehicles: {TEST_FRACTION:.0%} of all, drawn).",
        tables.SAME_IMAGES,
        tables.SHORT,
    ]
