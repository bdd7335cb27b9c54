"""How worker processes start: TensorFlow is imported when its advice has been silenced."""

from .. import command_line


def start(*arguments) -> None:
    """Silence it, then call `worker.start`."""
    command_line.quieten()
    from . import worker

    worker.start(*arguments)
