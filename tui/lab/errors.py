"""The one way the lab refuses to start: a catalogue key and its arguments, said in one line by whoever asked."""


class LabError(ValueError):
    """A story that does not exist, or a port that cannot be had."""

    def __init__(self, key: str, **args: object) -> None:
        super().__init__(key, args)
        self.key = key
        self.args_ = args
