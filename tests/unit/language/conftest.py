"""Finds every text that people read: in the command line's help, the code, the pages and their scripts."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path

import click
import pytest

import airbeat
from airbeat.checks.catalogue import CODES
from airbeat.checks.findings import Severity
from airbeat.cli.help import EXAMPLE, paragraphs
from airbeat.cli.main import COMMANDS, cli
from airbeat.flight.divert import Ending
from airbeat.flight.record import FlightOutcome
from airbeat.link.telemetry import EventKind
from airbeat.link.transfer import Outcome
from airbeat.mission.case import Category, Posture
from airbeat.ops.reviews import Verdict

SOURCE = Path(airbeat.__file__).parent
SPOKEN = (Severity, Ending, FlightOutcome, EventKind, Outcome, Verdict, Category, Posture)
"""Enumerations whose values are shown through ``_``."""

_MARKS = {"_", "N_", "Message", "translated"}
_ATTRIBUTES = ("title", "placeholder", "aria-label", "alt")
_SCRIPT_CALL = re.compile(r'(?<![\w.])t\(\s*"((?:[^"\\]|\\.)*)"')
_TEMPLATE_CALL = re.compile(r'(?<![\w.])(?:_|ngettext)\(\s*"([^"]*)"(?:\s*,\s*"([^"]*)")?')
_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.S)


def has_words(text: str) -> bool:
    """Whether there is anything to translate."""
    return re.search(r"[A-Za-z]{2}", re.sub(r"\{[^}]*\}|https?://\S+", "", text)) is not None


def _constants(node: ast.AST, named: Mapping[str, str]) -> Iterator[str]:
    """The texts that an argument may be; those of a module's constants by their names."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.Name) and node.id in named:
        yield named[node.id]
    elif isinstance(node, ast.IfExp):
        yield from _constants(node.body, named)
        yield from _constants(node.orelse, named)
    elif isinstance(node, ast.BoolOp):
        for part in node.values:
            yield from _constants(part, named)


def _called(node: ast.Call) -> str:
    function = node.func
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def _owner(node: ast.Call) -> str:
    """The name of what a method is called on."""
    owner = getattr(node.func, "value", None)
    return owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")


def _of_call(node: ast.Call, folder: str, named: Mapping[str, str]) -> Iterator[str | tuple[str, str]]:
    name = _called(node)
    if name in _MARKS and node.args:
        yield from _constants(node.args[0], named)
    if name == "ngettext":
        forms = [text for argument in node.args[:2] for text in _constants(argument, named)]
        yield from [(forms[0], forms[1])] if len(forms) == 2 else []
    if name.endswith("Error") or name in {"found", "Code", "Problem"}:
        yield from (
            text for argument in node.args[:1] for text in _constants(argument, named) if name[-5:] == "Error"
        )
    for keyword in node.keywords:
        if keyword.arg == "remedy" or (keyword.arg == "message" and name != "version_option"):
            yield from _constants(keyword.value, named)
    if name in {"complaint", "_fatal", "_complain"}:
        yield from (text for argument in node.args for text in _constants(argument, named))
    if name in {"error", "warning", "note"} and folder == "flight":
        yield from (text for argument in node.args[1:3] for text in _constants(argument, named))
    if name in {"append", "insert"} and _owner(node).endswith("notes"):
        yield from _constants(node.args[-1], named)
    if name in {"add", "_one"} and folder == "mission":
        yield from (text for argument in node.args for text in _constants(argument, named))
    if name in {"_broken", "_missing", "_about", "refuse"} and folder == "checks":
        yield from (text for argument in node.args[1:] for text in _constants(argument, named))
    if name == "found" and folder == "checks":
        yield from (text for argument in node.args[1:2] for text in _constants(argument, named))
    if folder == "console" and name in {"_refused", "HTTPException"}:
        yield from (text for argument in node.args[1:2] for text in _constants(argument, named))


def _named(statement: ast.stmt) -> Iterator[tuple[str, str]]:
    if isinstance(statement, ast.Assign):
        for target in statement.targets:
            if isinstance(target, ast.Name):
                yield from ((target.id, text) for text in _constants(statement.value, {}))


def _of_code(path: Path) -> Iterator[str | tuple[str, str]]:
    """Texts that are marked, messages and remedies of errors and findings, labels of tables."""
    folder = path.relative_to(SOURCE).parts[0]
    text = path.read_text(encoding="utf-8")
    rows = folder == "cli" and "table(" in text
    tree = ast.parse(text)
    named = {name: value for statement in tree.body for name, value in _named(statement)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _of_call(node, folder, named)
        elif rows and isinstance(node, ast.Tuple) and len(node.elts) == 2:
            label, value = node.elts
            if isinstance(label, ast.Constant) and not isinstance(value, ast.Constant):
                yield from _constants(label, named)
        elif folder == "console" and isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "error":
                    yield from _constants(value, named)


class _Page(HTMLParser):
    """Collects what a page shows."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in {"style", "script"}
        self.texts += [value for name, value in attrs if name in _ATTRIBUTES and value]

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in {"style", "script"}

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.texts.append(" ".join(data.split()))


def shown_by_page(html: str) -> list[str]:
    """The texts and spoken attributes of a page."""
    page = _Page()
    page.feed(html)
    return page.texts


def _help_of(command: click.Command, context: click.Context | None) -> Iterator[str]:
    yield from (part for part in paragraphs(command.help or "") if not part.startswith(EXAMPLE))
    if command.epilog:
        yield " ".join(command.epilog.split())
    for parameter in command.params:
        yield " ".join((getattr(parameter, "help", None) or "").split())
    if isinstance(command, click.Group):
        here = click.Context(command, parent=context)
        for name in command.list_commands(here):
            below = command.get_command(here, name)
            assert below is not None
            yield below.get_short_help_str(limit=200)
            yield from _help_of(below, here)


def every_message() -> dict[str | tuple[str, str], set[str]]:
    """Every text that must have a translation, and where it is used; pairs for one thing and for many."""
    found: dict[str | tuple[str, str], set[str]] = {}

    def add(text: str | tuple[str, str], where: str) -> None:
        if has_words(text if isinstance(text, str) else text[0]):
            found.setdefault(text, set()).add(where)

    for path in sorted(SOURCE.rglob("*.py")):
        for text in _of_code(path):
            add(text, path.relative_to(SOURCE).as_posix())
    for text in [*_help_of(cli, None), *COMMANDS.values()]:
        add(text, "help")
    for kind in SPOKEN:
        for member in kind:
            add(member.value, kind.__name__)
    for code in CODES.values():
        add(code.remedy, "checks/catalogue.py")
    for path in sorted((SOURCE / "console" / "pages").glob("*.html")):
        for text in shown_by_page(path.read_text(encoding="utf-8")):
            add(text, f"console/pages/{path.name}")
    for path in sorted((SOURCE / "console" / "static").glob("*.js")):
        for text in _SCRIPT_CALL.findall(path.read_text(encoding="utf-8")):
            add(text.replace('\\"', '"').replace("\\n", "\n"), f"console/static/{path.name}")
    for path in sorted((SOURCE / "report" / "templates").glob("*.html")):
        for one, many in _TEMPLATE_CALL.findall(path.read_text(encoding="utf-8")):
            add((one, many) if many else one, f"report/templates/{path.name}")
    return found


@pytest.fixture(scope="session")
def messages() -> dict[str | tuple[str, str], set[str]]:
    """Every text that must have a translation, and where it is used."""
    return every_message()
