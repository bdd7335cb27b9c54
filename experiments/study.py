"""Judge every method on five datasets at many imbalances. The same as `class-balancing study`."""

from class_balancing.experiments.command_line import call

if __name__ == "__main__":
    call("study", "study.py")
