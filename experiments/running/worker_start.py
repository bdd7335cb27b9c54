"""How worker processes start: TensorFlow is imported when its advice has been silenced."""

from .. import command_line


def start(*arguments) -> None:
    """Silence it, then call `workers.start_worker`."""
    command_line.quieten()
    from . import workers

    workers.start_worker(*arguments)
