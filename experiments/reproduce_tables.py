"""Regenerate the tables of the sources, beside what they print. The same as `class-balancing tables`."""

from class_balancing.experiments.command_line import call

if __name__ == "__main__":
    call("tables", "reproduce_tables.py")
