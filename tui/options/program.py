"""What concerns a whole run of the program, not one session."""

import math
import re
from typing import Literal

import msgspec

from tui.options.errors import BadOption


class ProgramOptions(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """How to run. Times in seconds, counted from the probe's start."""

    n: int = 1
    stagger: float = 0.0
    profile: str | None = None
    duration: float | None = None
    linger: float = 0.0
    record: str | None = None
    redact: list[str] = []
    no_redact: bool = False
    stdin: bool = False
    facts: bool = False
    json: bool = False
    summary: bool = False
    on_drop: str | None = None
    lang: Literal["en", "zh"] | None = None
    theme: str | None = None
    glyphs: Literal["unicode", "ascii"] | None = None
    fps: float | None = None
    no_mouse: bool = False
    no_bell: bool = False
    no_notify: bool = False
    notify_tmux: bool = False


def check_program(options: ProgramOptions) -> None:
    """Every value can be used.

    Raises:
        BadOption: the first one that cannot, with what would be right.
    """
    if not 1 <= options.n <= 100:
        raise BadOption("option.times", option="-n", given=options.n)
    for option, number in (("--duration", options.duration), ("--fps", options.fps)):
        if number is not None and not 0 < number < math.inf:
            raise BadOption("option.seconds", option=option, given=number)
    for option, number in (("--stagger", options.stagger), ("--linger", options.linger)):
        if not 0 <= number < math.inf:
            raise BadOption("option.seconds", option=option, given=number)
    for pattern in options.redact:
        try:
            re.compile(pattern)
        except re.error as error:
            raise BadOption("option.pattern", option="--redact", given=pattern, error=str(error)) from None
