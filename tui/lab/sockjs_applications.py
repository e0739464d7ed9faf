"""What SockJS sessions of the lab are for: the broker, or an echo."""

from tui.lab.driver import Driver
from tui.lab.sockjs_session import SockjsSession


class Stomp:
    """A client of the broker."""

    def __init__(self, driver: Driver, session: SockjsSession) -> None:
        self._driver = driver
        self._connection = driver.open(session)

    @property
    def beating(self) -> bool:
        """Whether STOMP's heart-beat was agreed on."""
        return self._connection.pulse.beating

    def receive(self, message: str) -> None:
        """A piece of the client's STOMP stream."""
        self._driver.receive(self._connection, message.encode())

    def lost(self) -> None:
        """The broker is told."""
        self._driver.lost(self._connection)


class Echo:
    """Every message comes back."""

    beating = False

    def __init__(self, session: SockjsSession) -> None:
        self._session = session

    def receive(self, message: str) -> None:
        """It comes back."""
        self._session.send(message)

    def lost(self) -> None:
        """Nobody has to be told."""
