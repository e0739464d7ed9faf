"""All that is on the screen, without a screen: the feeds, what they were folded to, the panes, the time.

``MainScreen`` asks it to ``poll`` on every tick and draws what it then holds.
"""

from collections.abc import Sequence
from pathlib import Path

from tui.screens import recordings
from tui.screens.child import Child
from tui.screens.feed import Feed, FileFeed, PipeFeed
from tui.screens.log import Log
from tui.screens.recent import Recent
from tui.screens.source import Asked, FileSource, ProbeSource, Source
from tui.view.look import Look
from tui.view.pane import Pane
from tui.view.replay import Drop, Replay

POLL_S = 0.03
"""Seconds one tick may spend taking lines in, all feeds together."""

LAG_S = 0.25
"""How far behind the probe's clock ours is kept, so that a line on its way is not taken for silence."""


class Stream:
    """One feed and what its lines were folded to."""

    def __init__(self, feed: Feed, look: Look, *, origin: str = "") -> None:
        self.feed = feed
        self.replay = Replay(look, feed.read_line, origin=origin)

    def poll(self, seconds: float) -> None:
        """Takes in the lines that have come, then the time that has gone by."""
        for row, stored in self.feed.poll(seconds):
            self.replay.feed(row, stored=stored)
        clock = self.feed.clock()
        if clock is not None and not self.feed.behind and self.replay.last_m:
            self.replay.advance(clock - LAG_S)

    def now(self) -> float:
        """The probe's clock as it should be shown."""
        clock = self.feed.clock()
        if clock is None or self.feed.behind:
            return self.replay.last_m
        return max(clock, self.replay.last_m)


class Desk:
    """Everything that is open.

    Args:
        folder: where recordings go that were given no place.
        log: what takes the probe's stderr.
        recent: what remembers the targets that were opened.

    Raises:
        OSError: a source cannot be opened, or a recording cannot be written.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        look: Look,
        folder: Path,
        *,
        log: Log | None = None,
        recent: Recent | None = None,
    ) -> None:
        self.look = look
        self.log = log or Log()
        self.recent = recent
        self.streams: list[Stream] = []
        self.child: Child | None = None
        """The probe that new sessions are opened on."""
        self.pending: list[Asked] = []
        """Sessions still to open."""
        several = len(sources) > 1
        for source in sources:
            feed = self._feed(source, folder)
            origin = feed.path.stem if several and isinstance(source, FileSource) else ""
            self.streams.append(Stream(feed, look, origin=origin))

    def _feed(self, source: Source, folder: Path) -> Feed:
        if isinstance(source, FileSource):
            return FileFeed(source.path)
        record = source.record or recordings.begin(folder)
        if isinstance(source, ProbeSource):
            self.child = self.child or Child(source, record, self.log)
            self.pending = list(source.sessions)
            return self.child
        return PipeFeed(source.fd, record)

    def open_due(self, elapsed: float) -> None:
        """Opens the sessions whose delay has passed."""
        due = [asked for asked in self.pending if asked.delay <= elapsed]
        self.pending = [asked for asked in self.pending if asked.delay > elapsed]
        for asked in due:
            self.open(asked)

    def open(self, asked: Asked) -> None:
        """Opens a session on our probe, and remembers its target."""
        if self.child is None:
            return
        self.child.open(asked.table)
        if self.recent is not None and not asked.fleeting:
            self.recent.add(asked.table)

    def poll(self) -> list[Drop]:
        """Takes in what has come; the sessions that have dropped since."""
        drops: list[Drop] = []
        for stream in self.streams:
            stream.poll(POLL_S / len(self.streams))
            drops += stream.replay.drops()
            if self.lost and stream.feed is self.child:
                stream.replay.lose()
        return drops

    def search(self) -> None:
        """Has every filter read a little more of the rows there are."""
        for pane in self.panes:
            pane.table.refresh()

    @property
    def busy(self) -> bool:
        """Whether there is something to do before the next line comes."""
        return self.behind or any(pane.table.searched < 1 for pane in self.panes)

    @property
    def panes(self) -> list[Pane]:
        """Every session, in the order they came."""
        return [pane for stream in self.streams for pane in stream.replay.panes.values()]

    def stream_of(self, pane: Pane) -> Stream:
        """Where a pane's lines come from."""
        return next(stream for stream in self.streams if pane in stream.replay.panes.values())

    def siblings(self, pane: Pane) -> list[Pane]:
        """The panes of the same probe, that one among them."""
        return list(self.stream_of(pane).replay.panes.values())

    def use(self, look: Look) -> None:
        """Another look for everything."""
        self.look = look
        for stream in self.streams:
            stream.replay.use(look)

    @property
    def behind(self) -> bool:
        """Whether lines have come that are not shown yet."""
        return any(stream.feed.behind for stream in self.streams)

    @property
    def progress(self) -> float:
        """How much of what has come is shown, 0 to 1."""
        size = sum(stream.feed.size for stream in self.streams)
        return sum(stream.feed.position for stream in self.streams) / size if size else 1.0

    @property
    def lost(self) -> bool:
        """Whether our probe has ended by itself."""
        return self.child is not None and self.child.ended

    @property
    def open_sessions(self) -> int:
        """Sessions of our own probe that are alive."""
        if self.child is None or self.lost:
            return 0
        return sum(
            pane.session.ended_at is None and pane.session.connection > 0
            for stream in self.streams
            if stream.feed is self.child
            for pane in stream.replay.panes.values()
        )

    @property
    def recording(self) -> PipeFeed | None:
        """The feed that is being recorded."""
        return next((stream.feed for stream in self.streams if isinstance(stream.feed, PipeFeed)), None)
