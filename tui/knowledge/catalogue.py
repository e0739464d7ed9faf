"""Every string a person reads: ``ui/<area>.toml``, English and Chinese side by side.

Everything that speaks to a person calls ``phrase``; rules and reports carry a key and arguments, never prose, so
the language can be switched while a session runs and a replay can be read in the other one.
"""

import functools
from importlib import resources
from typing import Literal, get_args

import msgspec

Language = Literal["en", "zh"]

LANGUAGES: tuple[Language, ...] = get_args(Language)
"""The languages every entry has, the default one first."""


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One piece of text in every language; in the catalogue ``{name}`` is a placeholder, the same ones in all."""

    en: str
    zh: str

    def in_(self, lang: Language) -> str:
        """It, in one language."""
        return self.zh if lang == "zh" else self.en


@functools.cache
def areas() -> tuple[str, ...]:
    """The areas that have a file, sorted."""
    folder = resources.files("tui.knowledge").joinpath("ui")
    return tuple(sorted(file.name[: -len(".toml")] for file in folder.iterdir() if file.name.endswith(".toml")))


@functools.cache
def entries(area: str) -> dict[str, Text]:
    """Every entry of one area, by its name without the area.

    Raises:
        msgspec.ValidationError: the file does not have the catalogue's form.
    """
    file = resources.files("tui.knowledge").joinpath("ui", f"{area}.toml")
    return msgspec.toml.decode(file.read_bytes(), type=dict[str, Text])


def has(key: str) -> bool:
    """Whether ``key`` (``area.name``) is in the catalogue."""
    area, _, name = key.partition(".")
    return area in areas() and name in entries(area)


def phrase(key: str, lang: Language, /, **args: object) -> str:
    """The sentence ``key`` (``area.name``) in ``lang``, with its placeholders filled in.

    Raises:
        KeyError: no such entry (the key), or no value for a placeholder (its name).
    """
    if not has(key):
        raise KeyError(key)
    area, _, name = key.partition(".")
    return entries(area)[name].in_(lang).format(**args)
