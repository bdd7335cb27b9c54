"""What all LaTeX files share."""

_START = """\
% Compiles alone. To \\input it into a document with the packages below, put \\def\\insidedocument{{}} before.
\\ifdefined\\insidedocument\\else
\\documentclass{{article}}
\\usepackage[margin=1.5cm]{{geometry}}
{packages}\\begin{{document}}
\\fi
"""
_END = "\n\\ifdefined\\insidedocument\\else\\end{document}\\fi\n"
_SPECIAL = {character: f"\\{character}" for character in "&%$#_{}"} | {
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "±": "$\\pm$",
    "✓": "$\\surd$",
    "✗": "$\\times$",
    "×": "$\\times$",
    "·": "$\\cdot$",
    "−": "$-$",
    "†": "$\\dagger$",
    "-": "{-}",
}


def document(body: str, packages: tuple[str, ...] = ()) -> str:
    """A file that compiles as it is and can also be included in a document."""
    return _START.format(packages="".join(f"\\usepackage{{{name}}}\n" for name in packages)) + body + _END


def escape(text: str) -> str:
    """Plain text for LaTeX."""
    return "".join(_SPECIAL.get(character, character) for character in text)
