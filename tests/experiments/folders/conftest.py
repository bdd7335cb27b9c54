import pytest
import small_folder


@pytest.fixture
def source(tmp_path):
    return small_folder.write(tmp_path / "src")
