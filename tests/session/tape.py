"""A hand-made stream of facts: numbered and stamped the way a probe's journal does it."""

import base64
from typing import Any, TypeVar

from tui.facts import facts
from tui.facts.facts import Alert, CloseNotify, Direction, Fact, How, Phase
from tui.facts.findings import Close, Finding, Heartbeat, Note, Stomp
from tui.session.session import Session

F = TypeVar("F", bound=Finding)

UNIX = 1_700_000_000.0
"""Wall clock at ``m`` 0."""


class Tape:
    """Facts of one session, in order, and the session they were fed to.

    Args:
        url: the target's.
        spec: the target's.
    """

    def __init__(self, url: str = "ws://shop.test/feed", name: str = "A", **spec: Any) -> None:
        self.session = Session(name)
        self.name = name
        self.m = 100.0
        self.c = 0
        self.facts: list[Fact] = []
        self.findings: list[Finding] = []
        self.add(facts.Target, url=url, spec={key.replace("_", "-"): value for key, value in spec.items()})
        self.c = 1

    def at(self, m: float) -> "Tape":
        """The next fact happens at ``m``, seconds after the tape's beginning."""
        self.m = 100.0 + m
        return self

    def add(self, kind: type[Fact], *, everywhere: bool = False, **fields: Any) -> "Tape":
        """One fact; ``everywhere`` is one about the whole probe."""
        where: dict[str, Any] = {} if everywhere else {"s": self.name, "c": self.c}
        fact = kind(t=UNIX + self.m, m=self.m, n=len(self.facts) + 1, **where, **fields)
        self.facts.append(fact)
        self.findings += self.session.advance(self.m)
        self.findings += self.session.feed(fact)
        return self

    def open(
        self, subprotocol: str | None = None, extensions: list[str] | None = None, offered: str | None = None
    ) -> "Tape":
        """TCP, the handshake and its answer."""
        asked = [("Sec-WebSocket-Protocol", offered)] if offered is not None else []
        self.add(facts.Tcp, role="main", remote="192.0.2.1:80", local="192.0.2.9:5000", ms=40.0)
        self.add(facts.Http, dir="out", method="GET", target="/feed", status=None, headers=asked)
        self.add(facts.Http, dir="in", status=101, headers=[("Server", "testing")])
        return self.add(facts.Open, subprotocol=subprotocol, extensions=extensions or [])

    def frame(self, direction: Direction, opcode: int, payload: bytes, **fields: Any) -> "Tape":
        """One WebSocket frame, with the header an honest peer would have written."""
        masked = direction == "out"
        shown: dict[str, Any] = {"b64": base64.b64encode(payload).decode()}
        if opcode in (0, 1):
            shown = {"text": payload.decode()}
        head = 2 + (4 if masked else 0) + (2 if len(payload) > 125 else 0)
        defaults = {
            "fin": True, "rsv": 0, "masked": masked, "size": len(payload), "wire": head + len(payload),
            "head": "00" * head, "deflate": False,
        }  # fmt: skip
        return self.add(facts.Frame, **{**defaults, **shown, **fields, "dir": direction, "opcode": opcode})

    def text(self, direction: Direction, text: str, **fields: Any) -> "Tape":
        """A text message in one frame."""
        return self.frame(direction, 1, text.encode(), **fields)

    def closing(self, direction: Direction, code: int | None, reason: str = "", **fields: Any) -> "Tape":
        """A Close frame."""
        payload = b"" if code is None else code.to_bytes(2) + reason.encode()
        said = {} if code is None else {"code": code, "reason": reason}
        return self.frame(direction, 8, payload, **said, **fields)

    def connected(self, ours: str = "2000,2000", theirs: str = "2000,2000", version: str = "1.2") -> "Tape":
        """The STOMP handshake."""
        self.text("out", f"CONNECT\naccept-version:1.2\nheart-beat:{ours}\n\n\0")
        return self.text("in", f"CONNECTED\nversion:{version}\nheart-beat:{theirs}\n\n\0")

    def command(self, do: str, *, ok: bool = True) -> "Tape":
        """The answer to a session command."""
        return self.add(facts.Command, id=None, do=do, ok=ok, why=None if ok else "command.not_open")

    def stop(self) -> "Tape":
        """The probe begins to stop."""
        return self.add(facts.Stop, everywhere=True, why="signal")

    def eof(self, direction: Direction = "in") -> "Tape":
        """A FIN."""
        return self.add(facts.Eof, dir=direction)

    def end(
        self,
        how: How = "fin",
        phase: Phase = "open",
        *,
        errno: str | None = None,
        alert: Alert | None = None,
        close_notify: CloseNotify | None = None,
    ) -> "Tape":
        """The connection is over."""
        return self.add(
            facts.End, how=how, phase=phase, errno=errno, alert=alert, close_notify=close_notify, undecoded=0, unread=0,
            unsent=0,
        )  # fmt: skip

    @property
    def close(self) -> Close:
        """The report of the connection that ended last."""
        assert self.session.close is not None
        return self.session.close

    def of(self, kind: type[F]) -> list[F]:
        """Every finding of one type so far."""
        return [finding for finding in self.findings if isinstance(finding, kind)]

    def beats(self) -> list[tuple[str, str, float | None]]:
        """Heart-beat findings as (layer, state, gap)."""
        return [(one.layer, one.state, one.gap_ms) for one in self.of(Heartbeat)]

    def said(self) -> list[tuple[str, str]]:
        """STOMP findings as (direction, command)."""
        return [(one.dir, one.command) for one in self.of(Stomp)]

    def notes(self) -> list[str]:
        """The keys of the notes."""
        return [one.key for one in self.of(Note)]


def stomp(**spec: Any) -> Tape:
    """A STOMP over WebSocket session, open and connected with 2 s both ways at second 0."""
    return Tape("stomp+ws://shop.test/feed", **spec).open("v12.stomp").connected()
