"""Regenerate the tables and diagrams of the networks. The same as `class-balancing architectures`."""

from class_balancing.experiments.command_line import call

if __name__ == "__main__":
    call("architectures", "reproduce_architectures.py")
