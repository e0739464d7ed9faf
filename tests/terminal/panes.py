"""A session's pane, cut out of a screen of 120 columns with two of them side by side."""


def pane(text: str, *, left: bool) -> str:
    """The lines of one of the two panes."""
    lines = text.splitlines()[1:-1]
    return "\n".join(line[:60] if left else line[60:] for line in lines)


def read(lines: str) -> str:
    """What a pane says, as one line: boxes and line breaks gone."""
    return " ".join(" ".join(line.strip("│┃╭╮╰╯├┤─ ") for line in lines.splitlines()).split())
