"""The one way a frame is refused: raised wherever a rule is broken, made into an ERROR frame by the broker."""


class Rejected(Exception):
    """A client's frame that gets an ERROR.

    Args:
        message: the ERROR's ``message`` header: a short description.
        detail: its body: what was given and what would be right.
        headers: further headers, e.g. ``version`` where no version is shared.
    """

    def __init__(self, message: str, detail: str = "", headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
        self.headers = headers
