import commands
import pytest
import small_tasks


@pytest.fixture(scope="module")
def untraced():
    """Within the module functions run step by step: to trace them takes longer than so few steps."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def workers_here():
    """Within the module cells run in this process, since every other one would have to import TensorFlow."""
    from class_balancing.experiments.running import workers

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(workers, "ProcessPoolExecutor", commands.WorkersHere)
        yield


@pytest.fixture(scope="module")
def small_tables():
    """Within the module the tables' tasks of digits are small ones."""
    from class_balancing.experiments import tables

    with pytest.MonkeyPatch.context() as patched:
        for name, task in small_tasks.TASKS.items():
            patched.setitem(tables.TASKS, name, task)
        yield


@pytest.fixture(scope="module")
def quick_classifiers():
    """Within the module classifiers are not trained but made at once; tests of the runner train real ones."""
    from class_balancing.evaluation import classifiers

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(classifiers, "train_classifier", small_tasks.quick_training())
        yield
