import argparse
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from class_balancing.experiments.command_line import UsageError
from class_balancing.experiments.folders import options

COUNTS = {"cats": 10, "dogs": 40, "red birds": 40}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["auto"], {"cats": 30, "dogs": 0, "red birds": 0}),
        (["minority"], {"cats": 30, "dogs": 0, "red birds": 0}),
        (["not", "majority"], {"cats": 30, "dogs": 0, "red birds": 0}),
        (["cats=12", "red birds=50"], {"cats": 2, "dogs": 0, "red birds": 10}),
    ],
)
def test_the_grammar_is_imbalanced_learns(words, expected):
    strategy = options.sampling_strategy(words, list(COUNTS))
    assert options.additions(strategy, COUNTS) == expected


def test_a_number_is_the_ratio_of_two_classes():
    assert options.additions(0.5, {"a": 10, "b": 40}) == {"a": 10, "b": 0}
    with pytest.raises(UsageError, match="a number is the ratio of two classes, but there are 3"):
        options.additions(0.5, COUNTS)
    for ratio in (0.2, 1.5):
        with pytest.raises(UsageError, match=r"between the present ratio 0\.250 and 1"):
            options.additions(ratio, {"a": 10, "b": 40})


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["most"], "must be one of auto, minority"),
        (["horses=10"], "'horses=10' is not CLASS=COUNT with one of the classes cats, dogs, red birds"),
        (["=5"], "'=5' is not CLASS=COUNT with one of the classes cats, dogs, red birds"),
        (["cats=20", "dogs"], "'dogs' is not CLASS=COUNT with one of the classes"),
        (["cats=many"], "cats=many: the number of images of cats must be a whole number, such as cats=500, got 'many'"),
        (["cats=1e9"], "cats=1e9: the number of images of cats must be a whole number, such as cats=500, got '1e9'"),
        (["cats=-1"], "cats must be a whole number, such as cats=500, got '-1'"),
        (["dogs=50", "cats="], "cats must be a whole number, such as cats=500, got ''"),
        (["cats=5"], "cats=5: the class already has 10 images"),
        (["cats=17", "cats=18"], "names the class cats twice"),
    ],
)
def test_other_strategies_are_refused(words, message):
    with pytest.raises(UsageError, match=message):
        options.additions(options.sampling_strategy(words, list(COUNTS)), COUNTS)


def test_image_sizes_are_a_side_or_height_and_width():
    assert options.image_size("64") == (64, 64)
    assert options.image_size("48x64") == (48, 64)
    for text in ("0", "a", "1x2x3", "x5", "-3"):
        with pytest.raises(argparse.ArgumentTypeError):
            options.image_size(text)


def test_folders_are_balanced_and_judged_on_one_machine(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    options.one_machine()
    cluster = {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
    with pytest.raises(UsageError, match=r"only reproduce_tables\.py runs on several machines; unset TF_CONFIG"):
        options.one_machine()


def test_names_that_are_no_unicode_are_printed(capsys):
    listing = SimpleNamespace(others=(Path("f\udcfcr.txt"),))
    options.print_others(listing)
    assert "1 file(s): f\\udcfcr.txt" in capsys.readouterr().out
