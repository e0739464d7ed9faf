"""Fact lines made by hand, for tests of what is shown and for looking at it."""

import base64
from typing import Any

from tui.facts import codec, facts
from tui.facts.facts import Fact

T0 = 1_763_863_200.204
"""The wall clock at ``m`` 100."""


class Story:
    """Writes facts in order; ``at`` moves the probe's clock."""

    def __init__(self) -> None:
        self.m = 100.0
        self.n = 0
        self.lines: list[bytes] = []

    @property
    def data(self) -> bytes:
        """The lines, as a recording has them."""
        return b"".join(self.lines)

    def at(self, m: float) -> "Story":
        """The clock stands at ``100 + m``."""
        self.m = 100 + m
        return self

    def say(self, kind: type[Fact], s: str = "", c: int = 1, **fields: Any) -> Fact:
        """One fact."""
        self.n += 1
        fact = kind(t=T0 + self.m - 100, m=self.m, s=s, c=c if s else 0, n=self.n, **fields)
        self.lines.append(codec.encode(fact))
        return fact

    def probe(self) -> None:
        """The first line."""
        self.say(facts.Probe, schema=1, version="0.1.0", host="desk", clock="clock_gettime(CLOCK_MONOTONIC)")

    def text(self, s: str, way: str, text: str, **more: Any) -> Fact:
        """A text frame."""
        size = len(text.encode())
        return self.say(
            facts.Frame, s, dir=way, opcode=1, fin=True, rsv=0, masked=way == "out", size=size, wire=size + 2,
            head="8105", deflate=False, text=text, **more,
        )  # fmt: skip

    def control(self, s: str, way: str, opcode: int, payload: bytes = b"", **more: Any) -> Fact:
        """A ping, pong or close frame."""
        return self.say(
            facts.Frame, s, dir=way, opcode=opcode, fin=True, rsv=0, masked=way == "out", size=len(payload),
            wire=len(payload) + 2, head="8900", deflate=False, b64=base64.b64encode(payload).decode(), **more,
        )  # fmt: skip

    def open(self, s: str, *, url: str = "stomp+ws://shop.local:8080/app", beat: str = "10000,10000") -> None:
        """A session up to its CONNECTED."""
        self.say(facts.Target, s, c=0, url=url, spec={"heart-beat": beat})
        self.say(facts.Resolved, s, host="shop.local", addresses=["10.0.0.7"], ms=0.4)
        self.say(facts.Tcp, s, role="main", remote="10.0.0.7:8080", local="10.0.0.2:50112", ms=0.31)
        self.say(facts.Http, s, dir="out", method="GET", target="/app", status=None, headers=[("Host", "shop.local")])
        headers = [("Server", "nginx/1.22"), ("Date", "Sun, 23 Nov 2025 02:00:00 GMT")]
        self.say(facts.Http, s, dir="in", status=101, phrase="Switching Protocols", headers=headers, ms=1.2)
        self.say(facts.Open, s, subprotocol="v12.stomp", extensions=["permessage-deflate"])
        if url.startswith("stomp"):
            self.text(s, "out", f"CONNECT\naccept-version:1.2\nhost:shop.local\nheart-beat:{beat}\n\n\0")
            self.text(s, "in", f"CONNECTED\nversion:1.2\nheart-beat:{beat}\nserver:broker/1\n\n\0")
            self.text(s, "out", "SUBSCRIBE\nid:0\ndestination:/topic/prices\n\n\0")

    def message(self, s: str, body: str) -> Fact:
        """A MESSAGE of the broker."""
        text = f"MESSAGE\nsubscription:0\nmessage-id:{self.n}\ndestination:/topic/prices\n\n{body}\0"
        return self.text(s, "in", text)

    def asker(self, *, end: float = 50.0) -> "Story":
        """Two clients of one server; B beats too late and is dropped at 42.5 s, A lives."""
        self.probe()
        for s in ("A", "B"):
            self.open(s)
        told = False
        for tick in range(1, int(end * 2) + 1):
            now = tick / 2
            self.at(now)
            if tick % 7 == 0:
                for s in ("A", "B") if now < 42.5 else ("A",):
                    self.message(s, f'{{"p":{tick % 13},"name":"价格 {tick}"}}')
            if tick % 20 == 0:
                self.text("A", "out", "\n")
                self.at(now + 0.01).text("A", "in", "\n")
                if now < 42.5:
                    self.text("B", "in", "\n")
            if now in (4.5, 10.0):
                self.at(now + 0.02).text("B", "out", "\n")
            if now >= 42.5 and not told:
                told = True
                self.drop("B")
        return self

    def drop(self, s: str) -> None:
        """The broker says so, closes with 1002, and ends TCP."""
        self.text(s, "in", "ERROR\nmessage:Session closed.\ncontent-length:0\n\n\0")
        self.control(s, "in", 8, b"\x03\xea", code=1002, reason="")
        self.control(s, "out", 8, b"\x03\xea", code=1002, reason="")
        self.say(facts.Eof, s, dir="in")
        self.end(s)

    def end(self, s: str, **more: Any) -> Fact:
        """The end of the connection."""
        usual: dict[str, Any] = {
            "how": "fin", "phase": "open", "errno": None, "alert": None, "close_notify": None, "undecoded": 0,
            "unread": 0, "unsent": 0,
        }  # fmt: skip
        return self.say(facts.End, s, **{**usual, **more})
