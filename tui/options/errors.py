"""The one way an option is refused: a catalogue key and its arguments, said in one line by whoever asked."""

from typing import Any


class BadOption(ValueError):
    """Something given on the command line, in a profile or over stdin that cannot be used.

    ``key`` names the sentence in the catalogue; ``args_`` always hold ``option`` (as the user wrote it, e.g.
    ``--heart-beat``) and ``given``.
    """

    def __init__(self, key: str, *, option: str, given: object, **args: Any) -> None:
        super().__init__(key, option, given)
        self.key = key
        self.args_: dict[str, Any] = {"option": option, "given": given, **args}
