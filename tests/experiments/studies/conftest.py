import pytest
from class_balancing.experiments.studies import command, findings
from class_balancing.experiments.studies.order import Study
from class_balancing.experiments.studies.tasks import STUDIED
from made_up_study import METHODS, TASKS


@pytest.fixture(scope="module")
def few_tasks():
    """Within the module the study has the tasks TASKS and the methods METHODS."""
    whole = dict(STUDIED)
    with pytest.MonkeyPatch.context() as patched:
        for name in STUDIED.keys() - set(TASKS):
            del STUDIED[name]
        patched.setattr(findings, "METHODS", METHODS)
        patched.setattr(command, "CHOICES", METHODS[1:])
        yield
    STUDIED.clear()
    STUDIED.update(whole)  # in their order


@pytest.fixture
def study(tmp_path, few_tasks):
    return Study(tmp_path, "quick")
