"""Keep-alive timers, one per layer (design §3: late past 1.0 n + 250 ms, missed past 2 n).

``tui.session.connection`` tells them what happened and when; the views read them.
"""

import math
from collections import deque
from typing import Literal, NamedTuple

from tui.facts.findings import Layer
from tui.protocols.heartbeat import LATE_MARGIN_MS, MISSED_FACTOR

GAPS_KEPT = 16

_PINGS_KEPT = 64
"""Own pings that may wait for their pong; older ones are forgotten."""


class Timer:
    """One direction of one keep-alive layer. All moments are the probe's monotonic seconds."""

    __slots__ = (
        "_late_s", "_missed_s", "deadline", "every_ms", "gaps", "last_beat_m", "last_m", "layer", "max_gap_ms",
        "missed", "received", "sent", "since", "state",
    )  # fmt: skip

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self.every_ms = 0.0
        """The interval agreed; 0 where the layer is off."""
        self.since: float | None = None
        """When the interval was agreed."""
        self.last_m: float | None = None
        """The last sign of life: a beat, or any data of that direction (STOMP 1.2, "Heart-beating")."""
        self.last_beat_m: float | None = None
        self.sent = 0
        """Beats, or pings, we sent."""
        self.received = 0
        """Beats, or pings, that came in."""
        self.missed = 0
        """Beats that did not come in time: each silence longer than 2 n counts the whole ones it lacked."""
        self.max_gap_ms = 0.0
        """The longest silence that has ended since ``since``."""
        self.gaps: deque[float] = deque(maxlen=GAPS_KEPT)
        """The last silences, ms, oldest first."""
        self.state: Literal["off", "ok", "late", "missed"] = "off"
        self.deadline = math.inf
        """When the state changes next if nothing happens, to the µs that findings are written with."""
        self._late_s = self._missed_s = math.inf

    @property
    def next_due(self) -> float | None:
        """When the next sign of life is due; None where the layer is off."""
        return None if self.last_m is None or not self.every_ms else self.last_m + self.every_ms / 1000

    def start(self, every_ms: float, m: float) -> None:
        """An interval was agreed; 0 is "no beats"."""
        self.every_ms = float(every_ms)
        self.since = m
        self.last_m = m if every_ms else self.last_m
        self.max_gap_ms = 0.0
        self.gaps.clear()
        self.state = "ok" if every_ms else "off"
        self._missed_s = MISSED_FACTOR * every_ms / 1000 if every_ms else math.inf
        # An interval under the margin has no room to be late in: it is missed at once.
        self._late_s = min(self._missed_s, (every_ms + LATE_MARGIN_MS) / 1000) if every_ms else math.inf
        self._schedule()

    def stop(self) -> None:
        """Nothing is owed any more: time changes nothing."""
        self.deadline = math.inf

    def alive(self, m: float) -> float | None:
        """A sign of life. The silence it ends, ms, if that had been late or missed; else None."""
        last, self.last_m = self.last_m, m
        if last is None:
            return None
        gap_ms = (m - last) * 1000
        self.gaps.append(gap_ms)
        if gap_ms > self.max_gap_ms:
            self.max_gap_ms = gap_ms
        if not self.every_ms:
            return None
        if self.state == "ok":
            self.deadline = round(m + self._late_s, 6)
            return None
        if self.state == "missed":
            self.missed += max(0, int(gap_ms / self.every_ms + 1e-9) - 2)
        self.state = "ok"
        self._schedule()
        return gap_ms

    def fire(self) -> float:
        """The deadline has come: late, or missed. The silence so far, ms."""
        assert self.last_m is not None
        gap_ms = (self.deadline - self.last_m) * 1000
        if self.state == "ok" and self._late_s < self._missed_s:
            self.state = "late"
        else:
            self.state = "missed"
            self.missed += 1
        self._schedule()
        return gap_ms

    def _schedule(self) -> None:
        if self.last_m is None or self.state in ("off", "missed"):
            self.deadline = math.inf
        else:
            self.deadline = round(self.last_m + (self._late_s if self.state == "ok" else self._missed_s), 6)


class SockjsTimer(Timer):
    """SockJS's ``h``: nobody says how often it will come, so the interval is learnt.

    Some servers send it after so long without a message (Spring), others whatever they sent meanwhile (sockjs-node), so
    that the first says no more than that the interval is not longer than the time since the ``o``; the shortest time
    between two is it. Every frame is a sign of life. 25 s is the default of most.
    """

    __slots__ = ("_from",)

    def __init__(self) -> None:
        super().__init__("sockjs-h")
        self._from: float | None = None
        """The last ``h``, or the first frame."""

    def frame_in(self, m: float) -> float | None:
        """A frame that is no ``h``. The silence it ends, ms, if that had been late or missed."""
        if self._from is None:
            self._from = m
        return self.alive(m)

    def beat_in(self, m: float) -> tuple[bool, float | None]:
        """An ``h``. Whether the interval was learnt from it; the silence it ends, ms, if that had been late."""
        gap_ms = self.alive(m)
        self.received += 1
        self.last_beat_m = m
        since, self._from = self._from, m
        if since is None or m <= since:
            return False, gap_ms
        every_ms = round((m - since) * 1000, -2) or 100.0
        learnt = not self.every_ms or every_ms < 0.9 * self.every_ms  # less is jitter
        if learnt:
            self.start(every_ms, m)
        return learnt, gap_ms


class Outstanding(NamedTuple):
    """A ping whose pong has not come or not gone."""

    payload: str
    """Base64, as its fact has it."""
    since: float


class PingTimer(Timer):
    """WebSocket pings and pongs, both ways (RFC 6455 §5.5.2, §5.5.3). ``sent`` and ``received`` count pings.

    Pings have no agreed interval; with ``--ping-interval`` a pong is the sign of life that is waited for.
    """

    __slots__ = ("_ours", "_theirs", "answer_ms", "pongs_received", "pongs_sent", "rtt_ms", "rtts", "unsolicited")

    def __init__(self, every_ms: float = 0.0) -> None:
        super().__init__("ws-ping")
        self.every_ms = every_ms
        self.pongs_sent = 0
        self.pongs_received = 0
        self.unsolicited = 0
        """Pongs that came in and match no ping of ours (RFC 6455 §5.5.3 allows them)."""
        self.rtt_ms: float | None = None
        """From our last answered ping to its pong."""
        self.rtts: deque[float] = deque(maxlen=GAPS_KEPT)
        self.answer_ms: float | None = None
        """From the last ping received to our pong."""
        self._ours: deque[Outstanding] = deque(maxlen=_PINGS_KEPT)
        self._theirs: deque[Outstanding] = deque(maxlen=_PINGS_KEPT)

    @property
    def outstanding(self) -> Outstanding | None:
        """Our oldest ping that was not answered."""
        return self._ours[0] if self._ours else None

    @property
    def unanswered(self) -> Outstanding | None:
        """The oldest ping received that we have not answered."""
        return self._theirs[0] if self._theirs else None

    def ping_out(self, payload: str, m: float) -> None:
        """We sent a ping. The first one starts the timer, where there is an interval."""
        self.sent += 1
        self.last_beat_m = m
        self._ours.append(Outstanding(payload, m))
        if self.every_ms and self.since is None:
            self.start(self.every_ms, m)

    def ping_in(self, payload: str, m: float) -> None:
        """A ping came in."""
        self.received += 1
        self._theirs.append(Outstanding(payload, m))

    def pong_in(self, payload: str, m: float) -> float | None:
        """A pong came in. The silence it ends, ms, if that had been late or missed."""
        self.pongs_received += 1
        since = _take(self._ours, payload)
        if since is None:
            self.unsolicited += 1
            return None
        self.rtt_ms = (m - since) * 1000
        self.rtts.append(self.rtt_ms)
        return self.alive(m)

    def pong_out(self, payload: str, m: float) -> None:
        """We sent a pong."""
        self.pongs_sent += 1
        since = _take(self._theirs, payload)
        if since is not None:
            self.answer_ms = (m - since) * 1000


def _take(waiting: deque[Outstanding], payload: str) -> float | None:
    """When the latest ping with this payload went; it and those before it wait no more.

    RFC 6455 §5.5.3: an endpoint that has several pings to answer may answer the most recent one only.
    """
    for at in range(len(waiting) - 1, -1, -1):
        if waiting[at].payload == payload:
            since = waiting[at].since
            for _ in range(at + 1):
                waiting.popleft()
            return since
    return None
