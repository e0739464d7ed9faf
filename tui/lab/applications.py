"""What a session of the lab is for, whatever carries its messages: the broker, or an echo."""

from typing import Protocol

from tui.lab.driver import Driver, Transport


class Link(Transport, Protocol):
    """What messages come and go by."""

    def send(self, message: str | bytes) -> None:
        """One message."""


class Application(Protocol):
    """What a session is for."""

    @property
    def beating(self) -> bool:
        """Whether it keeps the connection awake by itself."""

    def receive(self, message: str | bytes) -> None:
        """A message of the client's."""

    def lost(self) -> None:
        """The session is over."""


class Stomp:
    """A client of the broker."""

    def __init__(self, driver: Driver, link: Link) -> None:
        self._driver = driver
        self._connection = driver.open(link)

    @property
    def beating(self) -> bool:
        """Whether STOMP's heart-beat was agreed on."""
        return self._connection.pulse.beating

    def receive(self, message: str | bytes) -> None:
        """A piece of the client's STOMP stream."""
        self._driver.receive(self._connection, message.encode() if isinstance(message, str) else message)

    def lost(self) -> None:
        """The broker is told."""
        self._driver.lost(self._connection)


class Echo:
    """Every message comes back."""

    beating = False

    def __init__(self, link: Link) -> None:
        self._link = link

    def receive(self, message: str | bytes) -> None:
        """It comes back."""
        self._link.send(message)

    def lost(self) -> None:
        """Nobody has to be told."""
