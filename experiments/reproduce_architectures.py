"""Regenerate the thesis's Tables B.1-B.10 and a diagram of each network from the living Keras models."""

import sys

from experiments.command_line import Parser, call, locked, writable_folder

DEFAULT_OUT = "results/architectures"


def networks():
    """Table name -> (caption as printed, builder)."""
    from evaluation import classifiers
    from models.networks import thesis_mnist

    return {
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


def main() -> int:
    parser = Parser("reproduce_architectures.py", description=__doc__)
    parser.add_argument("--out", default=DEFAULT_OUT, metavar="DIR", help="where to write (default: %(default)s)")
    out = writable_folder(parser.parse_args().out)

    with locked(out):
        return write(out)


def write(out) -> int:
    from datasets.files import write_atomically
    from reports import architecture

    draw = architecture.has_graphviz()
    for name, (caption, build) in networks().items():
        model = build()
        caption = f"Table {name}: {caption}."
        write_atomically(out / f"{name}.md", architecture.markdown(model, caption))
        write_atomically(out / f"{name}.tex", architecture.latex(model, caption))
        if draw:
            for ending in ("png", "svg"):
                architecture.diagram(model, out / f"{name}.{ending}")
        print(f"{name:5} {len(model.layers):3} layers {model.count_params():8} parameters  {caption}")
    print(f"Tables are in {out}, as Markdown and LaTeX" + (", with a diagram of each as PNG and SVG." if draw else "."))
    if not draw:
        print(
            "No diagrams: graphviz is missing. Install it (Debian: apt-get install graphviz) and run this again.",
            file=sys.stderr,
        )
    return 0


if __name__ == "__main__":
    call(main, "reproduce_architectures.py")
