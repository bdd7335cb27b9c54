"""Compare what the thesis leaves open. The same as `class-balancing choices`."""

from class_balancing.experiments.command_line import call

if __name__ == "__main__":
    call("choices", "compare_choices.py")
