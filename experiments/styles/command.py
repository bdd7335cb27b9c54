"""Give one picture the style of others (Gatys et al. 2016)."""

import argparse
import math
import shlex
from pathlib import Path

from ..command_line import Parser, UsageError, positive, seed, words_of
from . import files, networks

MIN_SIDE_PIXELS, MAX_SIDE_PIXELS = 8, 512
MAX_WEIGHT = 1_000_000  # with which no loss leaves the range of float32
STARTS = ("content", "noise", "both")
OPTIMIZERS = {"lbfgs": "L-BFGS", "adam": "Adam"}
N_STAGES = 6


def parse(prog: str, arguments=None):
    parser = Parser(prog, description=__doc__)
    parser.add_argument("content", metavar="CONTENT", help="picture whose content is kept")
    parser.add_argument("styles", nargs="+", metavar="STYLE", help="pictures whose style it gets")
    parser.add_argument(
        "--out", required=True, metavar="FILE",
        help="picture to make, .png or .jpg; beside it, FILE-strip.png shows how it came about",
    )  # fmt: skip
    parser.add_argument(
        "--size", type=side, default=256, metavar="N",
        help=f"longer side in pixels, at most {MAX_SIDE_PIXELS}; smaller pictures keep their size (default: 256)",
    )  # fmt: skip
    parser.add_argument(
        "--style-size", type=side, metavar="N",
        help="the same of the styles; the smaller, the finer what is taken over (default: as --size)",
    )  # fmt: skip
    parser.add_argument(
        "--shares", nargs="+", type=weight, metavar="W", help="how much each style counts (default: all equally)"
    )
    parser.add_argument(
        "--style-weight", type=weight, default=4.0, metavar="W", help="of the style's loss (default: %(default)s)"
    )
    parser.add_argument(
        "--content-weight", type=weight, default=1.0, metavar="W", help="of the content's loss (default: %(default)s)"
    )
    parser.add_argument(
        "--start", choices=STARTS, default="content",
        help="the content, noise, or the mean of both; from noise it takes several times as many iterations (default: "
        "%(default)s)",
    )  # fmt: skip
    parser.add_argument("--optimizer", choices=OPTIMIZERS, default="lbfgs", help="(default: %(default)s)")
    parser.add_argument("--iterations", type=positive, default=100, metavar="N", help="at most (default: %(default)s)")
    parser.add_argument(
        "--network", default="random", metavar="NAME",
        help="whose features are style and content: random (filters), vgg19, a file that balance.py --method "
        "style_transfer --save-model wrote, or a Keras classifier's .keras file, for images in [-1, 1]; one for grey "
        "images makes a grey picture (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--weights", metavar="FILE", help="VGG19's, without its top, as keras.applications publishes it (default: in "
        "Keras' cache)",
    )  # fmt: skip
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="of noise and filters (default: 0)")
    parser.add_argument("--force", action="store_true", help="replace FILE and FILE-strip.png")
    return parser.parse_args(arguments)


def main(options) -> int:
    networks.check(options.network, options.weights)
    inputs = [options.content, *options.styles]
    models = [name for name in (options.network, options.weights) if name and name not in networks.NAMES]
    out = Path(options.out)
    files.check_out(out, [Path(name) for name in (*inputs, *models)], options.force)
    shares = options.shares or [1.0] * len(options.styles)
    check_weights(shares, options)
    sizes = [options.size] + [options.style_size or options.size] * len(options.styles)
    pictures = [files.load(path, size) for path, size in zip(inputs, sizes, strict=True)]
    try:
        rows = stylised(options, shares, pictures)
    except KeyboardInterrupt as stopped:
        raise KeyboardInterrupt("nothing was written. Start again with") from stopped
    from ...reports.figures import captioned_pictures

    _, picture = rows[1][-1]
    captioned_pictures(rows, files.strip_of(out))
    files.save(picture, out)
    folder_command = shlex.join([*words_of("balance"), "SRC", "DST", "--method", "style_transfer"])
    print(f"{out} is the picture; {files.strip_of(out)} shows how it came about.\nNext: another --style-weight (more "
          f"style, less content) or --style-size; or new images for whole classes:\n{folder_command}")  # fmt: skip
    return 0


def check_weights(shares: list[float], options) -> None:
    if len(shares) != len(options.styles):
        raise UsageError(f"--shares needs one number for each style, {len(options.styles)} in all, got {len(shares)}")
    if not sum(shares):
        raise UsageError("all --shares are 0; one must be more")
    if not options.style_weight and not options.content_weight:
        raise UsageError("--style-weight and --content-weight are both 0; one must be more")


def check_sides(options, pictures: list, least: int, needing: str) -> None:
    """Raise UsageError for a picture whose shorter side has less than `least` pixels."""
    for path, picture in zip([options.content, *options.styles], pictures, strict=True):
        if min(picture.size) < least:
            raise UsageError(
                f"{path} is {picture.width} x {picture.height} pixels large here, but {needing} at least {least}; "
                "give a larger picture or size"
            )


def stylised(options, shares: list[float], pictures: list) -> list[list[tuple]]:
    """(caption, picture) in two rows: content and styles, then stages, the last of which is the result."""
    check_sides(options, pictures, MIN_SIDE_PIXELS, "sides need")
    extractor = networks.extractor(options.network, options.weights, pictures[0].size[::-1], options.seed)
    needing = f"features of {networks.in_words(options.network)} need sides of"
    check_sides(options, pictures, extractor.min_side_pixels, needing)
    content, *styles = (files.pixels(picture, extractor.n_channels) for picture in pictures)
    print_plan(options, content, styles)
    import numpy as np
    from tqdm import tqdm

    from ...models.stylisation import transfer

    shown = np.rint(np.geomspace(1, options.iterations, N_STAGES + 1)).astype(int)[:-1].tolist()
    stages = []
    with tqdm(total=options.iterations, desc="iterations", unit="iteration", mininterval=0.5) as bar:

        def after_iteration(n_done, picture, losses):
            bar.set_postfix_str("content {:.3f}, style {:.3f}".format(*losses), refresh=False)
            bar.update()
            if n_done in shown:
                stages.append((n_done, picture))

        result = transfer(
            content, styles, extractor, shares=shares, content_weight=options.content_weight,
            style_weight=options.style_weight, start=options.start, optimizer=options.optimizer,
            n_iterations=options.iterations, random_state=options.seed, callback=after_iteration,
        )  # fmt: skip
        n_done = bar.n
    captions = ["style"] if len(styles) == 1 else [f"style, share {share / sum(shares):.2f}" for share in shares]
    return [
        [("content", content), *zip(captions, styles, strict=True)],
        [*((counted(n), picture) for n, picture in stages if n < n_done), (f"result, {counted(n_done)}", result)],
    ]


def print_plan(options, content, styles) -> None:
    named = [f"{path} ({in_pixels(picture)})" for path, picture in zip(options.styles, styles, strict=True)]
    print(
        f"{options.content} ({in_pixels(content)}) gets the style of {', '.join(named)} by "
        f"features of {networks.in_words(options.network)}, in at most {counted(options.iterations)} of "
        f"{OPTIMIZERS[options.optimizer]}.",
        flush=True,
    )
    if options.network == "random":
        print("Published results are VGG19's, whose file is not ours: --network vgg19 --weights FILE.", flush=True)
    print("Content 0 is all of it, 1 its mean colours; style 1 is that of the content, 0 the others'.", flush=True)


def in_pixels(picture) -> str:
    return f"{picture.shape[1]} x {picture.shape[0]}"


def counted(n_iterations: int) -> str:
    return f"{n_iterations} iteration{'s' if n_iterations != 1 else ''}"


def side(text: str) -> int:
    """argparse type: a length in pixels."""
    if not text.isdecimal() or not 1 <= int(text) <= MAX_SIDE_PIXELS:
        raise argparse.ArgumentTypeError(f"a side must have from 1 to {MAX_SIDE_PIXELS} pixels, got {text!r}")
    return int(text)


def weight(text: str) -> float:
    """argparse type: a number from 0 to MAX_WEIGHT."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= MAX_WEIGHT:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to {MAX_WEIGHT}, got {text!r}")
    return value
