"""``whoops``: finds the verb among the words, runs it, and says in one line what it could not use."""

import difflib
import os
import sys
from collections.abc import Mapping, Sequence

import click

from tui.cli_options import refusal, takes_value
from tui.knowledge.catalogue import LANGUAGES, Language, phrase
from tui.options.errors import BadOption
from tui.options.layers import read_config
from tui.options.targets import is_target
from tui.text.safe import visible
from tui.verbs import VERBS, build

USAGE = 2


def language(arguments: Sequence[str], environ: Mapping[str, str]) -> Language:
    """The language to speak: ``--lang``, ``WHOOPS_LANG``, the config file, the locale, English."""
    words = list(arguments)
    said = [words[at + 1] for at, word in enumerate(words[:-1]) if word == "--lang"]
    said += [word.removeprefix("--lang=") for word in words if word.startswith("--lang=")]
    wishes = [*said, environ.get("WHOOPS_LANG"), _configured(environ)]
    wishes += [environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG")]
    wish = next((wish for wish in wishes if wish), "en")
    return next((lang for lang in LANGUAGES if wish.lower().startswith(lang)), "en")


def _configured(environ: Mapping[str, str]) -> str | None:
    """``lang`` of the config file; a file that cannot be used is refused later, by the verb that reads it."""
    try:
        lang = read_config(environ).table.get("lang")
    except BadOption:
        return None
    return lang if isinstance(lang, str) else None


def with_verb(arguments: Sequence[str], verbs: Sequence[str], lang: Language) -> list[str]:
    """The arguments with their verb in front: the first word with ``://`` is a target, any other is a verb.

    Raises:
        click.UsageError: the first word is neither.
    """
    words = list(arguments)
    at = 0
    while at < len(words):
        word = words[at]
        if word.startswith("-") and word != "-":
            at += 2 if takes_value(word) else 1
            continue
        if is_target(word):
            break
        if word in verbs:
            return [word, *words[:at], *words[at + 1 :]]
        near = difflib.get_close_matches(word, verbs, n=3) or verbs
        raise click.UsageError(phrase("option.unknown_verb", lang, given=word, verbs=", ".join(near)))
    if words and all(word in ("--help", "-h", "--version") for word in words):
        return words
    return ["inspect", *words]


def main() -> None:
    """The ``whoops`` command. Exits with 2 and one line where something given cannot be used."""
    arguments = sys.argv[1:]
    lang = language(arguments, os.environ)
    group = build(lang)
    try:
        verbs = [verb.name for verb in VERBS if not verb.hidden]
        status = group.main(with_verb(arguments, verbs, lang), prog_name="whoops", standalone_mode=False)
    except click.ClickException as error:
        sys.exit(_refuse(refusal(error, lang), lang))
    except click.Abort:
        sys.exit(130)
    except BadOption as error:
        sys.exit(_refuse(error.said(lang), lang))
    except Exception as error:
        key = getattr(error, "key", None)
        if not isinstance(key, str):
            raise
        sys.exit(_refuse(phrase(key, lang, **getattr(error, "args_", {})), lang))
    sys.exit(status if isinstance(status, int) else 0)


def _refuse(message: str, lang: Language) -> int:
    click.echo(phrase("cli.usage", lang, message=visible(message, ascii_only=True)), err=True)
    return USAGE
