"""What tests of servers that end their clients assert, and the steps they share."""

from tests.probing import ask, seen
from tests.watching import Line, Watch

PING, PONG = 9, 10
"""Opcodes."""


def assert_said(close: Line, code: int, reason: str = "") -> None:
    """The server's Close said so."""
    assert (close["received"], close["code"]) == ({"code": code, "reason": reason}, code)
    assert close["initiator"] == "remote"


def assert_cut(close: Line, *how: str) -> None:
    """TCP ended that way (in order, where no way is given), and no Close came."""
    assert (close["code"], close["synthetic"], close["received"]) == (1006, True, None)
    assert close["initiator"] == "remote"
    assert close["transport"]["how"] in (how or ("fin",))


async def exchange(watch: Watch, session: str, words: str = "hello") -> None:
    """A message that comes back, once the session is open."""
    await seen(watch, "open", session)
    before = len(watch.of("frame", session, dir="in", text=words))
    await ask(watch, f"send {words}", session)
    await seen(watch, "frame", session, dir="in", text=words, count=before + 1)


async def dropped(watch: Watch, *sessions: str) -> None:
    """Returns when they have dropped and the probe has looked whether their server still answers."""
    for session in sessions:
        await seen(watch, "close", session)
        await seen(watch, "postmortem", session)
