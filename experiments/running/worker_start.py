"""How worker processes start: TensorFlow is imported when it has been told how."""

from .. import command_line


def start(*arguments) -> None:
    """Tell it, then call `worker.start`."""
    command_line.prepare_tensorflow()
    from . import worker

    worker.start(*arguments)
