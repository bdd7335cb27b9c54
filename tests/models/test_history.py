"""The table of a training that is read again, whole or damaged."""

import pandas as pd
import pytest
from class_balancing.models.training.history import read_history

WHOLE = "epoch,L,seconds\n1,0.5,1.25\n2,0.25,1.5\n"
DAMAGED = {
    "empty": b"",
    "cut in a row": WHOLE[:-2].encode(),
    "cut before a column": WHOLE[: WHOLE.rindex(",")].encode(),
    "cut in its heading": WHOLE[:9].encode(),
    "binary": b"\x93NUMPY\xff\x00\n",
    "zeros": bytes(len(WHOLE)),
    "zeros at the end": WHOLE[:-6].encode() + bytes(5) + b"\n",
    "another table": b"a,b\n1,2\n",
    "a value is missing": b"epoch,L,seconds\n1,,1.25\n",
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "history.csv"


def test_a_whole_one_is_read(path, capsys):
    path.write_text(WHOLE)
    assert read_history(path).to_dict("list") == {"epoch": [1, 2], "L": [0.5, 0.25], "seconds": [1.25, 1.5]}
    assert capsys.readouterr().err == ""


def test_without_a_file_there_are_no_rows(path):
    assert read_history(path)["seconds"].sum() == 0
    assert not path.parent.joinpath("history.csv.damaged").exists()


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_one_is_set_aside_with_a_sentence(damage, path, capsys):
    path.write_bytes(DAMAGED[damage])
    found = read_history(path)
    assert isinstance(found, pd.DataFrame)
    assert found["seconds"].sum() == len(found) == 0
    sentence = f"{path} is damaged and was set aside; what it tells of finished epochs is left out.\n"
    assert capsys.readouterr().err == sentence
    assert not path.exists()
    assert path.with_name("history.csv.damaged").read_bytes() == DAMAGED[damage]
