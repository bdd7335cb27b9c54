"""Time a training step of each method. The same as `class-balancing benchmark`."""

from class_balancing.experiments.command_line import call

if __name__ == "__main__":
    call("benchmark", "benchmark.py")
