"""What a story is made of: its clients, what the server is like, and what ticks there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tui.lab.policy import Policy

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
    """Session tables with the keys of a sessions profile; ``{stomp}``, ``{sockjs}``, ``{tcp}`` and ``{echo}`` in a
    ``url`` are the lab's."""
    policy: Policy = field(default_factory=Policy)
    tickers: tuple[Ticker, ...] = (Ticker(),)
    stagger: float = 0.0
    """Seconds between the opening of one client and the next."""

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
