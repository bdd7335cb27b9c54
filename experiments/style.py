"""Give one picture the style of others. The same as `class-balancing style`."""

from class_balancing.experiments.command_line import call

if __name__ == "__main__":
    call("style", "style.py")
