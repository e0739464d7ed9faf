"""The stories the lab can tell, as data: what the server is like, and which clients see it.

``whoops demo`` opens a story's sessions, ``whoops lab STORY`` serves it. A fault on one connection is a query on that
client's URL (``tui.lab.faults``); a broker with other manners is a ``Policy``.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tui.lab.errors import LabError
from tui.lab.policy import Policy
from tui.protocols.heartbeat import Pair

PRICES = "/topic/prices"


@dataclass(slots=True, frozen=True)
class Ticker:
    """A topic on which the server publishes a price every so often."""

    destination: str = PRICES
    every: float = 1.0
    """Seconds."""


@dataclass(slots=True, frozen=True)
class Story:
    """One way a session ends, ready to be watched in less than 25 seconds."""

    id: str
    clients: tuple[Mapping[str, Any], ...]
    """Session tables with the keys of a sessions profile; ``{stomp}`` and ``{echo}`` in a ``url`` are the lab's."""
    policy: Policy = field(default_factory=Policy)
    tickers: tuple[Ticker, ...] = (Ticker(),)

    @property
    def title(self) -> str:
        """The catalogue key of its title."""
        return f"lab.story_{self.id.replace('-', '_')}_title"

    @property
    def text(self) -> str:
        """The catalogue key of what happens in it."""
        return f"lab.story_{self.id.replace('-', '_')}_text"

    def sessions(self, urls: Mapping[str, str]) -> list[dict[str, Any]]:
        """The tables of its clients, to be sent as ``{"cmd":"open","session":…}``.

        Args:
            urls: those of the lab's first line.
        """
        return [{**client, "url": client["url"].format_map(urls)} for client in self.clients]


DEFAULT = "hidden-tab"
"""The story of the person who asked."""

STORIES: Mapping[str, Story] = {
    story.id: story
    for story in (
        Story(
            "hidden-tab",
            clients=(
                {
                    "name": "alice",
                    "url": "{stomp}",
                    "heart-beat": "2000,2000",
                    "subscribe": [PRICES],
                },
                {
                    "name": "bob",
                    "url": "{stomp}",
                    "heart-beat": "2000,2000",
                    "subscribe": [PRICES],
                    "do": ["4.5 throttle-beats 60000"],
                },
            ),
            # Spring SimpleBroker: three intervals, then ERROR "Session closed." and Close 1002.
            policy=Policy(beats=Pair(2000, 2000), grace=3.0),
        ),
    )
}


def find(name: str) -> Story:
    """The story called ``name``.

    Raises:
        LabError: there is none; the nearest names are suggested.
    """
    if name in STORIES:
        return STORIES[name]
    near = difflib.get_close_matches(name.lower(), STORIES, n=3, cutoff=0.4)
    if near:
        raise LabError("lab.unknown_story_near", given=name, near=", ".join(near))
    raise LabError("lab.unknown_story", given=name, names=", ".join(STORIES))
