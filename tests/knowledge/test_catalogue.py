"""The missing-string test: every key the code says exists, in every language, and none is dead."""

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

import tui
from tui.knowledge.catalogue import LANGUAGES, areas, entries, has, phrase

PACKAGE = Path(tui.__file__).parent
ENTRIES = [(area, name) for area in areas() for name in entries(area)]
KEYS = [f"{area}.{name}" for area, name in ENTRIES]
LITERAL = re.compile(rf"(?:{'|'.join(areas())})\.[a-z0-9_]+(?:\.[a-z0-9_]+)*")
FAMILY = re.compile(rf"(?:{'|'.join(areas())})\.")


def placeholders(text: str) -> set[str]:
    """The names in braces, with what is asked of them cut off."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def said_in(tree: ast.AST) -> Iterator[tuple[int, str, bool]]:
    """(line, key or expression, whether it is a family) of everything that reads like a catalogue key."""
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            first = node.values[0] if node.values else None
            if isinstance(first, ast.Constant) and FAMILY.match(str(first.value)):
                yield node.lineno, "".join(_expression(part) for part in node.values), True
        elif isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "phrase":
            key = node.args[0] if node.args else None
            if isinstance(key, ast.Constant):
                yield node.lineno, str(key.value), False
        elif isinstance(node, ast.Constant) and id(node) not in inside and LITERAL.fullmatch(str(node.value)):
            yield node.lineno, str(node.value), False


def _expression(part: ast.expr) -> str:
    return re.escape(str(part.value)) if isinstance(part, ast.Constant) else r"[a-z0-9_]+"


SAID = [
    (f"{path.relative_to(PACKAGE.parent)}:{line}", key, family)
    for path in sorted(PACKAGE.rglob("*.py"))
    for line, key, family in said_in(ast.parse(path.read_text()))
]


def test_every_string_has_every_language() -> None:
    for area, name in ENTRIES:
        for lang in LANGUAGES:
            assert entries(area)[name].in_(lang).strip(), f"{area}.{name} says nothing in {lang}"


def test_the_placeholders_are_the_same_in_every_language() -> None:
    for area, name in ENTRIES:
        text = entries(area)[name]
        assert placeholders(text.en) == placeholders(text.zh), f"{area}.{name}"
        assert "" not in placeholders(text.en), f"{area}.{name}: a placeholder without a name"


def test_the_chinese_is_chinese() -> None:
    """A copied English sentence is a missing one; a word that is the same in both is not."""
    for area, name in ENTRIES:
        text = entries(area)[name]
        if len(re.findall(r"[A-Za-z]{2,}", re.sub(r"\{[^}]*\}", "", text.en))) > 3:
            assert re.search(r"[\u3000-\u9fff\uff00-\uffef]", text.zh), f"{area}.{name} has no Chinese in its Chinese"


def test_every_key_the_code_says_exists() -> None:
    missing = [f"{where}: {key}" for where, key, family in SAID if not family and not has(key)]
    missing += [
        f"{where}: nothing matches {key}"
        for where, key, family in SAID
        if family and not any(re.fullmatch(key, known) for known in KEYS)
    ]
    assert not missing, "\n".join(missing)


def test_no_key_is_dead() -> None:
    literal = {key for _, key, family in SAID if not family}
    families = [re.compile(key) for _, key, family in SAID if family]
    dead = [key for key in KEYS if key not in literal and not any(family.fullmatch(key) for family in families)]
    assert not dead, "\n".join(dead)


def test_the_scan_sees_calls_literals_and_families() -> None:
    area = areas()[0]
    tree = ast.parse(f'phrase("nowhere.x", lang)\nkey = "{area}.some_key"\nother = f"{area}.a_{{kind}}_b"\n"{area}"')
    assert sorted(set(said_in(tree))) == [
        (1, "nowhere.x", False),
        (2, f"{area}.some_key", False),
        (3, rf"{area}\.a_[a-z0-9_]+_b", True),
    ]


def test_phrase_fills_in_what_it_is_given() -> None:
    assert phrase("command.missing_argument", "en", verb="close", name="CODE") == "close wants CODE"
    assert "CODE" in phrase("command.missing_argument", "zh", verb="close", name="CODE")
    assert phrase("command.missing_argument", "en", verb="{x}", name="{}") == "{x} wants {}"


@pytest.mark.parametrize("key", ["command.nothing_such", "nowhere.name", "command", "", "../ui/command.bad_json"])
def test_a_missing_key_is_named(key: str) -> None:
    with pytest.raises(KeyError) as raised:
        phrase(key, "en")
    assert raised.value.args == (key,)
