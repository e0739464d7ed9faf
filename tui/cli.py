"""``whoops``: the verbs. Nothing here knows a protocol, and only what opens a screen imports one."""

import asyncio
import difflib
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from tui import __version__
from tui.cli_options import HEADLESS, SCREEN, SESSION, given, options, refusal, takes_value
from tui.knowledge.catalogue import LANGUAGES, Language, phrase
from tui.options.errors import BadOption
from tui.options.layers import Layer, from_environment, program_options, read_config, session_specs
from tui.options.program import ProgramOptions
from tui.options.spec import SessionSpec
from tui.options.targets import is_target
from tui.text.safe import visible

EXAMPLE = "stomp+ws://localhost:15674/ws"
USAGE = 2


def language(arguments: Sequence[str], environ: Mapping[str, str]) -> Language:
    """The language to speak: ``--lang``, ``WHOOPS_LANG``, the locale, English."""
    words = list(arguments)
    said = [words[at + 1] for at, word in enumerate(words[:-1]) if word == "--lang"]
    said += [word.removeprefix("--lang=") for word in words if word.startswith("--lang=")]
    wishes = [*said, environ.get("WHOOPS_LANG"), environ.get("LC_ALL"), environ.get("LC_MESSAGES"), environ.get("LANG")]
    wish = next((wish for wish in wishes if wish), "en")
    return next((lang for lang in LANGUAGES if wish.lower().startswith(lang)), "en")


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


def _layers(flags: dict[str, Any]) -> list[Layer]:
    return [given(flags), from_environment(os.environ), read_config(os.environ)]


def _specs(
    targets: Sequence[str], flags: dict[str, Any], *, wanted: bool
) -> tuple[ProgramOptions, list[tuple[SessionSpec, float]]]:
    layers = _layers(flags)
    program = program_options(layers)
    if wanted and not targets and not program.stdin:
        raise BadOption("option.no_target", option="TARGET", given="", example=EXAMPLE)
    return program, session_specs(targets, program, layers)


def build(lang: Language) -> click.Group:
    """The command line, its help in ``lang``."""

    @click.group(help=phrase("cli.about", lang), context_settings={"help_option_names": ["-h", "--help"]})
    @click.version_option(__version__, prog_name="whoops")
    def whoops() -> None:
        pass

    @whoops.command(hidden=True, help=phrase("cli.about", lang))
    @click.argument("target", nargs=-1)
    @options((*SESSION, "n", "stagger", "record", "redact", "no-redact", "lang", *SCREEN), lang)
    def inspect(target: tuple[str, ...], **flags: Any) -> int:
        program, specs = _specs(target, flags, wanted=False)
        return _inspect(program, lang, sessions=specs)

    @whoops.command(help=phrase("cli.about_watch", lang))
    @click.argument("target", nargs=-1)
    @options((*SESSION, *HEADLESS, "lang", "glyphs"), lang)
    def watch(target: tuple[str, ...], **flags: Any) -> int:
        program, specs = _specs(target, flags, wanted=True)
        return _watch(program, specs, lang)

    @whoops.command("open", help=phrase("cli.about_open", lang))
    @click.argument("file", nargs=-1, required=True)
    @options(("lang", *SCREEN), lang)
    def open_(file: tuple[str, ...], **flags: Any) -> int:
        for path in file:
            _readable(path)
        return _inspect(program_options(_layers(flags)), lang, files=file)

    @whoops.command(help=phrase("cli.about_demo", lang))
    @click.argument("story", required=False)
    @click.option("--list", "listing", is_flag=True, help=phrase("cli.list", lang))
    @options(("record", "lang", *SCREEN), lang)
    def demo(story: str | None, listing: bool, **flags: Any) -> int:
        from tui.lab import stories

        if listing:
            for one in stories.STORIES.values():
                click.echo(f"{one.id:<16} {phrase(one.title, lang)}")
            return 0
        told = stories.find(story or next(iter(stories.STORIES)))
        return _inspect(program_options(_layers(flags)), lang, story=told.id)

    @whoops.command(help=phrase("cli.about_lab", lang))
    @click.argument("story", required=False)
    @click.option("--port", type=click.IntRange(0, 65535), default=0, help=phrase("option.help_port", lang))
    @options(("json", "lang"), lang)
    def lab(story: str | None, port: int, **flags: Any) -> int:
        from tui.lab.serve import serve

        return asyncio.run(serve(story, port, bool(flags.get("json")), lang))

    @whoops.command(help=phrase("cli.about_explain", lang))
    @click.argument("subject", nargs=-1)
    @options(("json", "lang"), lang)
    def explain(subject: tuple[str, ...], **flags: Any) -> int:
        from tui.view.explain import explain_data, explain_lines

        wanted = " ".join(subject) or None
        if flags.get("json"):
            click.echo(msgspec.json.encode(explain_data(wanted, lang)).decode())
        else:
            wide = min(shutil.get_terminal_size().columns, 100)
            click.echo("\n".join(explain_lines(wanted, lang, wide)))
        return 0

    return whoops


def _watch(program: ProgramOptions, specs: list[tuple[SessionSpec, float]], lang: Language) -> int:
    from tui.watch.watch import Watch

    async def run() -> int:
        return await Watch(program, lang).run(specs)

    return asyncio.run(run())


def _readable(path: str) -> None:
    if path == "-":
        return
    try:
        with Path(path).open("rb"):
            pass
    except OSError as error:
        raise BadOption("cli.file_missing", option="FILE", given=path, error=error.strerror or str(error)) from None


def main() -> None:
    """The ``whoops`` command. Exits with 2 and one line where something given cannot be used."""
    arguments = sys.argv[1:]
    lang = language(arguments, os.environ)
    group = build(lang)
    try:
        verbs = [name for name, command in group.commands.items() if not command.hidden]
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


def _inspect(program: ProgramOptions, lang: Language, **what: Any) -> int:
    from tui.inspector import inspect

    return inspect(program, lang, **what)
