"""Balance a folder of images. The same as `class-balancing balance`."""

from class_balancing.experiments.command_line import call

if __name__ == "__main__":
    call("balance", "balance.py")
