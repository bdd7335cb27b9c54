"""Regenerate the thesis's Tables B.1-B.10, those of the networks scaled to CIFAR-10 and Vehicles, and diagrams."""

import sys
from functools import partial

from experiments import grid, locks
from experiments.command_line import Parser, call, writable_folder
from experiments.hyperparameters import METHODS

DEFAULT_OUT = "results/architectures"


def networks():
    """File name -> (caption, builder): the printed tables, then the scaled networks, which are not printed."""
    from evaluation import classifiers
    from models.networks import Scaled, thesis_mnist

    printed = {
        "B.1": ("CVAE-GAN generator G for MNIST dataset", thesis_mnist.cvae_gan_generator),
        "B.2": ("CVAE-GAN discriminator D for MNIST dataset", thesis_mnist.cvae_gan_discriminator),
        "B.3": ("CVAE-GAN classifier C for MNIST dataset", thesis_mnist.cvae_gan_classifier),
        "B.4": ("CVAE-GAN encoder E for MNIST dataset", thesis_mnist.cvae_gan_encoder),
        "B.5": ("BAGAN generator G and decoder Delta for MNIST dataset", thesis_mnist.bagan_generator),
        "B.6": ("BAGAN discriminator D for MNIST dataset", thesis_mnist.bagan_discriminator),
        "B.7": ("BAGAN encoder E for MNIST dataset", thesis_mnist.bagan_encoder),
        "B.8": ("Evaluation classifier for MNIST dataset", classifiers.mnist_classifier),
        "B.9": ("Evaluation classifier for Vehicles dataset", classifiers.vehicles_classifier),
        "B.10": ("Evaluation classifier for CIFAR-10 dataset", classifiers.cifar10_classifier),
    }
    found = {name: (f"Table {name}: {caption}.", build) for name, (caption, build) in printed.items()}
    for dataset in ("cifar10", "vehicles"):
        *shape, n_classes = grid.SHAPES[dataset]
        methods, scaled = METHODS["thesis"][dataset], Scaled(shape)
        latent, bagan = methods["cvae_gan"]["latent_size"], methods["bagan"]
        for network, caption, build in (
            ("cvae-gan-g", "CVAE-GAN generator G", partial(scaled.cvae_gan_generator, n_classes, latent)),
            ("cvae-gan-d", "CVAE-GAN discriminator D", scaled.cvae_gan_discriminator),
            ("cvae-gan-c", "CVAE-GAN classifier C", partial(scaled.cvae_gan_classifier, n_classes)),
            ("cvae-gan-e", "CVAE-GAN encoder E", partial(scaled.cvae_gan_encoder, n_classes, latent)),
            ("bagan-g", "BAGAN generator G and decoder Delta", partial(scaled.bagan_generator, bagan["latent_size"])),
            ("bagan-d", "BAGAN discriminator D", partial(scaled.bagan_discriminator, n_classes, bagan["head"])),
            ("bagan-e", "BAGAN encoder E", partial(scaled.bagan_encoder, bagan["latent_size"])),
        ):
            words = f"{caption}, scaled to {grid.PRINTED_NAMES[dataset]}; the thesis does not print it."
            found[f"{dataset}-{network}"] = (words, build)
    return found


def built_networks():
    """(file name, caption, model) of each network; layers without a printed name are counted from one in each."""
    import keras

    for name, (caption, build) in networks().items():
        keras.backend.clear_session(free_memory=False)  # the names only: collecting takes longer than building
        yield name, caption, build()


def main() -> int:
    parser = Parser("reproduce_architectures.py", description=__doc__)
    parser.add_argument("--out", default=DEFAULT_OUT, metavar="DIR", help="where to write (default: %(default)s)")
    out = writable_folder(parser.parse_args().out)

    with locks.held(out, wait=False):
        return write(out)


def write(out) -> int:
    from datasets.files import write_atomically
    from reports import architecture

    draw = architecture.has_graphviz()
    for name, caption, model in built_networks():
        write_atomically(out / f"{name}.md", architecture.markdown(model, caption))
        write_atomically(out / f"{name}.tex", architecture.latex(model, caption))
        if draw:
            for ending in ("png", "svg"):
                write_atomically(out / f"{name}.{ending}", architecture.diagram(model, ending))
        print(f"{len(model.layers):3} layers {model.count_params():8} parameters  {caption}")
    print(f"Tables are in {out}, as Markdown and LaTeX" + (", with a diagram of each as PNG and SVG." if draw else "."))
    if not draw:
        print(
            "No diagrams: graphviz is missing. Install it (Debian: apt-get install graphviz) and run this again.",
            file=sys.stderr,
        )
    return 0


if __name__ == "__main__":
    call(main, "reproduce_architectures.py")
