"""The one way an option is refused: a catalogue key and its arguments, said in one line by whoever asked."""

from typing import Any

from tui.knowledge.catalogue import Language, phrase
from tui.text.safe import visible


class BadOption(ValueError):
    """Something given on the command line, in a config file or over stdin that cannot be used.

    ``key`` names the sentence in the catalogue; ``args_`` always hold ``option`` (as the user wrote it, e.g.
    ``--heart-beat``) and ``given``, without the secrets in it. Where a command in it is wrong, ``key`` is the
    command's and ``within`` holds the whole option.
    """

    def __init__(self, key: str, *, option: str, given: object, **args: Any) -> None:
        super().__init__(key, option, given)
        self.key = key
        self.args_: dict[str, Any] = {"option": option, "given": given, **args}

    @property
    def option(self) -> str:
        """What is wrong: an option, a variable, a file's key."""
        return str(self.args_["option"])

    def named(self, option: str) -> "BadOption":
        """The same, of an option that was given under another name, e.g. as a variable."""
        return BadOption(self.key, **{**self.args_, "option": option})

    def said(self, lang: Language) -> str:
        """It in one line that is safe to print."""
        text = phrase(self.key, lang, **self.args_)
        if "within" in self.args_:
            text = phrase("option.within", lang, option=self.option, given=self.args_["within"], error=text)
        return visible(text, ascii_only=True)
