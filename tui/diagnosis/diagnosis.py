"""When a verdict is given: at a connection's end, again when later evidence changes it, for a session that ails while
it is open, and for every session when the probe stops (design §4 ``verdict``).

``tui.diagnosis.engine`` feeds it every fact after the session's fold. It keeps one trail for each of the last
connections of a session and asks the rules; ``tui.diagnosis.verdict`` makes the finding.
"""

import math
from collections import deque
from collections.abc import Iterator, Sequence

from tui.diagnosis import verdict as verdicts
from tui.diagnosis.case import Case, drop
from tui.diagnosis.compare import compare
from tui.diagnosis.marks import Mark
from tui.diagnosis.rules import RULES, alive
from tui.diagnosis.trail import Trail
from tui.diagnosis.world import Drop, Neighbour, World, neighbour, the_way
from tui.facts import facts
from tui.facts.facts import Fact
from tui.facts.findings import Close, Finding, Heartbeat, Note, Stomp, Verdict
from tui.session.notes import breaks_websocket
from tui.session.session import Session

TRAILS_KEPT = 4
"""Connections of one session that are remembered."""

DROPS_KEPT = 200

GRACE = {"stomp-in": 0.1, "sockjs-h": 1.0}
"""By layer, what a server's beat may come later than missed (2 n), in intervals, before its session ails: Spring's
SimpleBroker leaves almost 2 n, ActiveMQ 2 n and some milliseconds (measured: 4.006 s for n = 2 s); how often SockJS's
``h`` comes nobody agreed, so that it has more."""

RECENT_S = 5.0
"""Seconds after a connection's end within which another session's end or login may change its verdict."""


class Diagnosis:
    """The verdicts of one probe's sessions."""

    def __init__(self) -> None:
        self._trails: dict[str, deque[Trail]] = {}
        self._stalls: deque[facts.Stall] = deque(maxlen=32)
        self._drops: deque[Drop] = deque(maxlen=DROPS_KEPT)
        self._stopped: Mark | None = None
        self._newest_end = -RECENT_S
        self._due: dict[str, float] = {}
        """By session, when a missed beat is to be looked at."""

    # Facts.

    def feed(self, fact: Fact, session: Session, findings: Sequence[Finding]) -> list[Finding]:
        """A fact of one session, after its fold, which found ``findings`` in it."""
        if isinstance(fact, facts.Postmortem):
            return self._came_after(fact)
        trail = self._trail(session, fact)
        if trail is None:
            return []
        if type(fact) is facts.Command:
            trail.order(fact)
        if fact.c != trail.number:
            return []
        was_ready = trail.ready is not None
        trail.feed(fact, findings)
        if findings and session.name in self._due and self._alive_again(trail, findings):
            del self._due[session.name]
        if not findings and was_ready and type(fact) is not facts.TcpInfo and not self._recovers(trail):
            return []  # nearly every fact: a frame that changes nothing
        return list(self._changes(fact, trail, findings, became_ready=not was_ready and trail.ready is not None))

    @staticmethod
    def _alive_again(trail: Trail, findings: Sequence[Finding]) -> bool:
        return trail.end is not None or any(
            isinstance(one, Heartbeat) and one.layer in GRACE and one.state == "recovered" for one in findings
        )

    def verdict(self, name: str) -> Verdict | None:
        """The last verdict on a session's current connection."""
        trails = self._trails.get(name)
        return trails[-1].verdict if trails else None

    def about_all(self, fact: Fact) -> list[Finding]:
        """A fact about the whole probe."""
        if isinstance(fact, facts.Stall):
            self._stalls.append(fact)
            return [] if self._stopped else [*self._review_recent(fact)]
        if isinstance(fact, facts.Stop) and self._stopped is None:
            found: list[Finding] = [
                one for trails in self._trails.values() for one in self._review(trails[-1], fact, always=True)
            ]
            self._stopped = Mark(fact.n, fact.m)
            return found
        return []

    def _trail(self, session: Session, fact: Fact) -> Trail | None:
        if not session.connection:
            return None
        trails = self._trails.setdefault(session.name, deque(maxlen=TRAILS_KEPT))
        if trails and trails[-1].session is not session:
            trails.clear()
        if not trails or trails[-1].number < session.connection:
            trails.append(Trail(session, session.connection))
        return trails[-1]

    # What changes a verdict.

    def _changes(
        self, fact: Fact, trail: Trail, findings: Sequence[Finding], *, became_ready: bool
    ) -> Iterator[Finding]:
        ended = any(isinstance(finding, Close) for finding in findings)
        if self._stopped is not None:
            return
        before = self._before(trail) if ended or became_ready else None
        if before is not None and (became_ready or trail.ready is None):
            yield from self._review(before, fact)
        if ended:
            yield from self._concluded(fact, trail)
        elif self._ailing(trail, fact, findings):
            yield from self._review(trail, fact)
        if ended or became_ready or (isinstance(fact, facts.TcpInfo) and trail.kernel.fills_the_way(fact.m)):
            yield from self._review_recent(fact, but=trail)

    def _concluded(self, fact: Fact, trail: Trail) -> Iterator[Finding]:
        assert trail.close is not None
        yield from self._review(trail, fact, always=True)
        self._newest_end = fact.m
        if not trail.close.dropped:
            return
        case = Case(trail, self._world(trail), fact.m)
        if trail.close.initiator != "local":
            self._drops.append(drop(case, fact.n))
        other = next((one for one in case.world.neighbours if one.same_server and one.lives), None)
        if other is not None:
            yield compare(fact, case, other.trail)

    def _ailing(self, trail: Trail, fact: Fact, findings: Sequence[Finding]) -> bool:
        """Whether an open session's state calls for a look: only these facts can make it ail, or well again."""
        if trail.ready is None or trail.end is not None:
            return False
        if isinstance(fact, facts.TcpInfo):
            return fact.retrans > 0 or fact.total_retrans > 0 or self._slow(fact) or self._sick(trail)
        return self._recovers(trail) or any(
            (isinstance(finding, Heartbeat) and finding.state in ("missed", "recovered"))
            or (isinstance(finding, Note) and breaks_websocket(finding))
            or (isinstance(finding, Stomp) and finding.command == "ERROR")
            for finding in findings
        )

    @staticmethod
    def _slow(info: facts.TcpInfo) -> bool:
        return (info.outq or 0) >= alive.SLOW_QUEUE

    def _sick(self, trail: Trail) -> bool:
        return trail.verdict is not None and trail.verdict.cause != "none"

    def _recovers(self, trail: Trail) -> bool:
        """Whether something came in at last, in a session that ailed for its silence."""
        return trail.woke and self._sick(trail)

    def timed(self, session: Session, findings: Sequence[Finding]) -> None:
        """What time alone found in a session: a beat that is missed makes it ail, if none comes in a moment more."""
        trails = self._trails.get(session.name)
        for finding in findings:
            if not trails or not isinstance(finding, Heartbeat):
                continue
            trails[-1].late[finding.layer] = finding
            if finding.layer in GRACE and finding.state == "missed" and trails[-1].end is None:
                grace = GRACE[finding.layer] * finding.every_ms / 1000
                self._due[session.name] = round(finding.m + max(alive.LEAST_GRACE_S, grace), 6)

    def next_deadline(self) -> float:
        """When ``advance`` has something to say; infinity for never."""
        return min(self._due.values(), default=math.inf)

    def advance(self, m: float, last: Fact) -> list[Finding]:
        """What time alone makes of sessions whose beats are missed, up to ``m``; ``last`` is the probe's last fact."""
        found: list[Finding] = []
        for name, due in [(name, due) for name, due in self._due.items() if due <= m]:
            del self._due[name]
            trail = self._trails[name][-1]
            if trail.end is None and self._stopped is None:
                moment = Fact(t=round(last.t + (due - last.m), 6), m=due, s=name, c=trail.number, n=last.n)
                found += self._review(trail, moment)
        return found

    def _came_after(self, fact: facts.Postmortem) -> list[Finding]:
        trail = next((one for one in self._trails.get(fact.s, ()) if one.number == fact.c), None)
        if trail is None:
            return []
        trail.afterwards.append(fact)
        others = [trails[-1] for trails in self._trails.values() if trails[-1].remote == trail.remote]
        return [
            verdict for one in (trail, *(other for other in others if other is not trail)) if self._over(one)
            for verdict in self._review(one, fact)
        ]  # fmt: skip

    def _over(self, trail: Trail) -> bool:
        """Whether a connection ended, and not because the probe stopped: a later look is evidence of its drop."""
        return trail.end is not None and (self._stopped is None or trail.end.m < self._stopped.m)

    def _before(self, trail: Trail) -> Trail | None:
        """The session's last drop before a connection; where nothing dropped, the attempt before."""
        trails = list(self._trails[trail.session.name])
        earlier = trails[: trails.index(trail)]
        return next((one for one in reversed(earlier) if one.ready is not None), earlier[-1] if earlier else None)

    def _review_recent(self, fact: Fact, but: Trail | None = None) -> Iterator[Finding]:
        if fact.m - self._newest_end > RECENT_S:
            return
        for trails in self._trails.values():
            trail = trails[-1]
            if trail is not but and trail.end is not None and fact.m - trail.end.m <= RECENT_S:
                yield from self._review(trail, fact)

    # Asking the rules.

    def _review(self, trail: Trail, fact: Fact, *, always: bool = False) -> Iterator[Verdict]:
        """The verdict, if it is another than the one that was given last."""
        case = Case(trail, self._world(trail), fact.m)
        for rule in RULES if trail.close is not None else alive.RULES:
            rule(case)
        made = verdicts.verdict(fact, case)
        before = trail.verdict
        healthy = made.cause == "none" and before is None and not always
        if healthy or (not always and before is not None and not verdicts.differs(before, made)):
            return
        trail.verdict = made
        yield made

    def _world(self, trail: Trail) -> World:
        name = trail.session.name
        others = [
            neighbour(trail, self._then(trails, trail)) for other, trails in self._trails.items()
            if other != name and trails
        ]  # fmt: skip
        mine = self._trails[name]
        at = mine.index(trail)
        return World(
            neighbours=others,
            history=[drop for drop in self._drops if drop.remote == trail.remote],
            stalls=list(self._stalls),
            afterwards=_furthest_look(trail, others),
            next=mine[at + 1] if at + 1 < len(mine) else None,
            back=next((one for one in list(mine)[at + 1 :] if one.ready is not None), None),
            stopped=self._stopped,
        )

    @staticmethod
    def _then(trails: deque[Trail], trail: Trail) -> Trail:
        """The connection another session had when this one ended."""
        at = trail.end.m if trail.end is not None else float("inf")
        return next((one for one in reversed(trails) if one.ready is not None and one.ready.m <= at), trails[-1])


def _furthest_look(trail: Trail, others: Sequence[Neighbour]) -> list[facts.Postmortem]:
    """The look that got furthest: the connection's own, or that of one to the same server that went down with
    it and was looked for later."""
    looks = [trail.afterwards, *(one.trail.afterwards for one in others if one.same_server and one.together)]
    return max((the_way(look) for look in looks), key=len)
