"""Judge whether balancing a folder of images helps a classifier. The same as `class-balancing judge`."""

from class_balancing.experiments.command_line import call

if __name__ == "__main__":
    call("judge", "judge.py")
