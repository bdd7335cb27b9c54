"""Keras Functional models as the thesis's Tables B.1-B.10, and as diagrams."""

import math
import re
import shutil

from .latex import document, escape

UNSEEN = re.compile(rb'<!--.*?-->\s*|<title>.*?</title>\s*| (?:class|id)="[^"]*"', re.DOTALL)
COLUMNS = ("Nº", "Layer (Type)", "Output shape", "Config", "#Parameters", "Inbound layers")


def layer_rows(model) -> list[dict]:
    """One row per layer, in the model's order, which is the printed one.

    Keys: name, type, output_shape (without the batch), config (only what the thesis prints for a type), params,
    inbound (names of the layers before it).
    """
    return [
        {
            "name": layer.name,
            "type": type(layer).__name__,
            "output_shape": list(layer.output.shape[1:]),
            "config": _printed_config(layer),
            "params": layer.count_params(),
            "inbound": _inbound(layer),
        }
        for layer in model.layers
    ]


def markdown(model, caption: str) -> str:
    """The table as Markdown, with the total of parameters below."""
    lines = [f"**{caption}**", "", "| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
    lines += ["| " + " | ".join(texts) + " |" for texts in _texts(model)]
    return "\n".join([*lines, "", _total(model), ""])


def latex(model, caption: str) -> str:
    """The table as LaTeX, over several pages if need be; see `reports.latex.document`."""
    lines = ["{\\footnotesize\\newcolumntype{T}{>{\\raggedright\\arraybackslash}p{4cm}}", "\\begin{longtable}{lTlTrT}"]
    lines.append(f"\\multicolumn{{6}}{{l}}{{\\textbf{{{escape(caption)}}}}}\\\\ \\hline")
    lines.append(" & ".join(["No", *map(escape, COLUMNS[1:])]) + " \\\\ \\hline\\endhead")
    lines += [" & ".join(map(escape, texts)) + " \\\\" for texts in _texts(model)]
    lines.append(f"\\hline\\multicolumn{{6}}{{l}}{{{_total(model)}}}")
    return document("\n".join([*lines, "\\end{longtable}}"]), packages=("array", "longtable"))


def text_rows(model) -> list[list[str]]:
    """The table as texts, headings first."""
    return [list(COLUMNS), *map(list, _texts(model))]


def diagram(model, ending: str) -> bytes:
    """The network drawn by graphviz as "svg" or "png": a box for each layer with name, type and output shape."""
    import pydot

    graph = pydot.Dot(graph_type="digraph", rankdir="TB", nodesep="0.2", ranksep="0.25", dpi="72")
    graph.set_node_defaults(shape="box", fontname="Helvetica", fontsize="10", height="0.3")
    for row in layer_rows(model):
        shape = " × ".join(map(str, row["output_shape"]))
        graph.add_node(pydot.Node(f'"{row["name"]}"', label=f'"{row["name"]} ({row["type"]})\\n{shape}"'))
        for name in row["inbound"]:
            graph.add_edge(pydot.Edge(f'"{name}"', f'"{row["name"]}"', arrowsize="0.6"))
    drawn = graph.create(format=ending)
    return UNSEEN.sub(b"", drawn) if ending == "svg" else drawn


def has_graphviz() -> bool:
    """Whether graphviz's `dot`, which pydot calls, is installed."""
    return shutil.which("dot") is not None


def _printed_config(layer) -> dict:
    kind = type(layer).__name__
    config = layer.get_config()
    if kind in ("Conv2D", "Conv2DTranspose"):
        sizes = {"kernel_size": list(config["kernel_size"]), "strides": list(config["strides"])}
        return {"activation": config["activation"]} | sizes
    if kind == "Dense":
        return {"units": config["units"], "activation": config["activation"]}
    return {
        "ReLU": {"activation": "relu"},
        "LeakyReLU": {"activation": "leakyrelu", "alpha": config.get("negative_slope")},
        "MaxPooling2D": {"pool_size": list(config.get("pool_size", ())), "strides": list(config.get("strides", ()))},
        "Dropout": {"rate": config.get("rate")},
        "Concatenate": {"axis": config.get("axis")},
        "Activation": {"activation": config.get("activation")},
    }.get(kind, {})


def _inbound(layer) -> list[str]:
    inputs = layer.input if isinstance(layer.input, list) else [layer.input]
    names = [tensor._keras_history.operation.name for tensor in inputs]
    return [name for name in names if name != layer.name]


def _total(model) -> str:
    n_fixed = sum(math.prod(weight.shape) for weight in model.non_trainable_weights)
    trainable = f", {model.count_params() - n_fixed} of them trainable" if n_fixed else ""
    return f"Total parameters: {model.count_params()}{trainable}"


def _texts(model):
    labels = {
        "activation": "Activation",
        "kernel_size": "Kernel Size",
        "strides": "Stride",
        "units": "#Neurons",
        "alpha": "Alpha",
        "pool_size": "Pool size",
        "rate": "Dropout Rate",
        "axis": "Axis",
    }
    for number, row in enumerate(layer_rows(model)):
        shape = ", ".join(map(str, row["output_shape"])) + ("," if len(row["output_shape"]) == 1 else "")
        config = "; ".join(f"{labels[key]}: {value}" for key, value in row["config"].items())
        name = f"{row['name']} ({row['type']})"
        yield str(number), name, f"({shape})", config, str(row["params"]), ", ".join(row["inbound"])
