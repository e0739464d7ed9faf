"""Findings as ``tui.session.connection`` makes them: each stands where the fact stands that led to it."""

from tui.facts.facts import Bytes, Fact, Frame
from tui.facts.findings import Heartbeat, Sockjs, Stomp
from tui.protocols.sockjs import SockjsFrame
from tui.session.timers import Timer


def sockjs_finding(fact: Frame | Bytes, frame: SockjsFrame) -> Sockjs:
    return Sockjs(
        finding=True, t=fact.t, m=fact.m, s=fact.s, c=fact.c, n=fact.n, dir=fact.dir, kind=frame.kind,
        messages=frame.messages if frame.kind in ("a", "m") else None, code=frame.code,
        reason=frame.reason if frame.kind == "c" else None,
    )  # fmt: skip


def stomp_finding(
    fact: Frame | Bytes, command: str, headers: list[tuple[str, str]], size: int, lines: list[int]
) -> Stomp:
    return Stomp(
        finding=True, t=fact.t, m=fact.m, s=fact.s, c=fact.c, n=fact.n,
        dir=fact.dir, command=command, headers=headers, size=size, lines=lines,
    )  # fmt: skip


def heartbeat(
    fact: Fact, timer: Timer, gap_ms: float | None, *, recovered: bool = False, negotiated: bool = False
) -> Heartbeat:
    state = timer.state
    return Heartbeat(
        finding=True, t=fact.t, m=fact.m, s=fact.s, c=fact.c, n=fact.n,
        layer=timer.layer,
        state="negotiated" if negotiated else "recovered" if recovered else "late" if state == "late" else "missed",
        every_ms=timer.every_ms,
        gap_ms=None if gap_ms is None else round(gap_ms, 3),
    )  # fmt: skip
