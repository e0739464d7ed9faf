"""Notes: things a person should know that are no event of a protocol. Few of them: a flood of one kind is cut."""

from collections import Counter
from typing import Any

from tui.facts.facts import Fact, Unknown
from tui.facts.findings import Note
from tui.knowledge.catalogue import has, phrase

PER_KIND = 10
"""Notes of one key on one connection; the frames themselves still say it."""

_REMOTE_CHARS = 80


def note(fact: Fact | Unknown, key: str, lines: list[int], **args: Any) -> Note:
    """A note that stands where ``fact`` stands. Remote text in ``args`` is cut to 80 characters."""
    args = {name: value[:_REMOTE_CHARS] if isinstance(value, str) else value for name, value in args.items()}
    return Note(
        finding=True, t=fact.t, m=fact.m, s=fact.s, c=fact.c, n=fact.n,
        key=key, args=args, text=phrase(key, "en", **args), lines=lines,
    )  # fmt: skip


def broken_rule(said: Note) -> str | None:
    """The rule of RFC 6455 a note says a frame breaks, or the flaw of a STOMP frame; None for any other note."""
    name = said.key.partition(".")[2]
    for kind in ("frame_error_", "stomp_flaw_"):
        if name.startswith(kind):
            return name.removeprefix(kind).replace("_", "-")
    return None


def breaks_websocket(said: Note) -> bool:
    """Whether a note says that a frame breaks a rule of RFC 6455: after that no byte can be trusted."""
    return said.key.partition(".")[2].startswith("frame_error_")


class Notes:
    """The notes of one connection."""

    __slots__ = ("_said",)

    def __init__(self) -> None:
        self._said: Counter[str] = Counter()

    def say(self, fact: Fact, key: str, lines: list[int], **args: Any) -> list[Note]:
        """The note, or nothing where its kind has been said often enough.

        Where the catalogue has no ``key`` (a recording of a later version) ``note.unknown_flaw`` says it.
        """
        if not has(key):
            key, args = "note.unknown_flaw", {"flaw": key.partition(".")[2]}
        self._said[key] += 1
        return [note(fact, key, lines, **args)] if self._said[key] <= PER_KIND else []
