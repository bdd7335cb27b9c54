"""Measure the uses of autoencoders. The same as `class-balancing autoencoder`."""

from class_balancing.experiments.command_line import call

if __name__ == "__main__":
    call("autoencoder", "autoencoder.py")
