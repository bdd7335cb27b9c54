import itertools
import shutil

import commands
import pytest
from class_balancing.experiments.tables import TASKS, architectures

REFERENCE = commands.ROOT / "reports" / "reference" / "architectures"
ENDINGS = ("md", "tex")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Folder of the command's files, with diagrams where there is graphviz."""
    out = tmp_path_factory.mktemp("architectures")
    assert commands.call("architectures", "--out", out) == 0
    return out


@pytest.mark.slow
def test_tables_are_those_of_the_reference(written):
    text = (written / "B.2.md").read_text()
    assert "| 12 | dropout (Dropout) | (256,) | Dropout Rate: 0.3 | 0 | flatten_2 |" in text
    assert "Total parameters: 371713" in text
    printed = (written / "E.1.md").read_text()  # the slides print 3712 that are not trainable
    assert "Total parameters: 5905863, 5902151 of them trainable" in printed
    found, kept = (
        {path.name: path.read_text() for ending in ENDINGS for path in folder.glob(f"*.{ending}")}
        for folder in (written, REFERENCE)
    )
    assert found == kept
    stems = {path.stem for path in REFERENCE.iterdir() if not path.name.startswith(".")} - {"run"}
    assert stems == {name.rpartition(".")[0] for name in found}


def test_tables_are_written_without_graphviz_too(tmp_path, monkeypatch, capsys):
    whole = architectures.built_networks
    monkeypatch.setattr(architectures, "built_networks", lambda: itertools.islice(whole(), 10))
    monkeypatch.setenv("PATH", "/nonexistent")
    assert commands.call("architectures", "--out", tmp_path) == 0
    assert "graphviz is missing" in capsys.readouterr().err
    expected = ["run.json", *(f"B.{number}.{ending}" for number in range(1, 11) for ending in ENDINGS)]
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != ".lock") == sorted(expected)


def test_networks_that_are_twins_stand_once(monkeypatch):
    def network(n_filters):
        import keras

        image = keras.Input((4, 4, 1))
        return keras.Model(image, keras.layers.Conv2D(n_filters, 3)(image))

    found = [
        ("small-critic", "one critic, Small", lambda: network(8)),
        ("large-critic", "one critic, Large", lambda: network(16)),
        ("small-other", "another critic, Small", lambda: network(8)),
        ("printed", "known", lambda: network(4)),
    ]
    monkeypatch.setattr(architectures, "printed_networks", lambda tasks: {"B.0": ("A critic", "printed:network")})
    monkeypatch.setattr(architectures.pkgutil, "resolve_name", lambda path: lambda: network(4))
    monkeypatch.setattr(architectures, "networks", lambda tasks: iter(found))
    assert [(name, caption) for name, caption, _ in architectures.built_networks()] == [
        ("B.0", "Table B.0: A critic."),
        ("small-critic", "Not printed: one critic, Small; another critic, Small."),
        ("large-critic", "Not printed: one critic, Large."),
    ]


def test_methods_have_the_networks_of_the_task_that_compares_them():
    shapes = {
        name: build().output_shape
        for name, _, build in architectures.networks([TASKS["mnist-50"], TASKS["skewed_mnist"]])
        if name.startswith("mnist-deep-smote-encoder")
    }
    assert set(shapes.values()) == {(None, 300)}


def test_a_folder_of_other_files_is_left_alone(tmp_path, capsys):
    (tmp_path / "B.1.md").write_text("mine")
    sentence = commands.refusal(capsys, "architectures", "--out", tmp_path)
    assert "holds B.1.md, which this program did not write" in sentence
    assert (tmp_path / "B.1.md").read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_named(tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    sentence = commands.refusal(capsys, "architectures", "--out", tmp_path / "file" / "out")
    assert f"cannot write to {tmp_path / 'file' / 'out'}" in sentence
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("dot") is None, reason="needs graphviz")
def test_every_network_gets_a_diagram(written):
    for table in written.glob("*.md"):
        assert table.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
        assert "</svg>" in table.with_suffix(".svg").read_text()
    assert "conv2d_transpose_3" in (written / "B.1.svg").read_text()
