"""The help page: what the signs mean and which key does what."""

from collections.abc import Sequence

from tui.text import cells
from tui.view.lines import Line, Role, Span, line, pad
from tui.view.look import Look

KEYS: Sequence[tuple[str, Sequence[tuple[str, str]]]] = (
    ("help_group_sessions", (
        ("tab", "help_next"), ("1…9", "help_digit"), ("a", "help_add"), ("r", "help_reconnect"), ("x", "help_close"),
        ("p", "help_ping"), (":", "help_command"),
    )),
    ("help_group_rows", (
        ("space", "help_pause"), ("f", "help_follow"), ("up down", "help_move"), ("pgup pgdn", "help_page"),
        ("g G", "help_ends"), ("enter", "help_detail"), ("/", "help_filter"), ("b", "help_beats"),
        ("c", "help_control"), ("i", "help_trace"), ("T", "help_time"),
    )),
    ("help_group_program", (
        ("d", "help_card"), ("v", "help_evidence"), ("y", "help_copy"), ("o", "help_log"), ("s", "help_save"),
        ("t", "help_theme"), ("L", "help_language"),
        ("ctrl+p", "help_palette"), ("?", "help_help"), ("esc", "help_back"), ("q", "help_quit"),
    )),
)  # fmt: skip
"""Every key, by what it is for; the sentences are in the catalogue."""


def help_lines(look: Look, room: int) -> list[Line]:
    """The page, in lines of ``room`` cells."""
    lines: list[Line] = []
    for title, keys in KEYS:
        lines += [line(""), line((f" {look.say(title)}", "accent"))]
        for key, sentence in keys:
            shown = key.replace("…", look.glyphs.ellipsis) if look.glyphs.ascii_only else key
            lines.append(line((f"  {cells.pad(shown, 11)}", "strong"), look.say(sentence)))
    lines += [line(""), line((f" {look.say('help_group_signs')}", "accent"))]
    glyphs = look.glyphs
    signs: tuple[tuple[str, Role, str], ...] = (
        (glyphs.incoming, "in", "help_sign_in"), (glyphs.outgoing, "out", "help_sign_out"),
        (glyphs.open, "ok", "help_sign_open"), (glyphs.dropped, "dead", "help_sign_dropped"),
        (glyphs.closed, "muted", "help_sign_closed"), (glyphs.sparks[-1], "late", "help_sign_spark"),
    )  # fmt: skip
    lines += [line((f"  {cells.pad(sign, 11)}", role), look.say(sentence)) for sign, role, sentence in signs]
    return [pad(row or (Span(""),), room, ellipsis=look.glyphs.ellipsis) for row in lines[1:]]
