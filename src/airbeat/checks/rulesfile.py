"""Rules files: from YAML text to a `RuleSet`, or all problems at once with line and column."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import shapely
from pydantic import AfterValidator, Field, ValidationError, model_validator

from airbeat.checks.findings import Severity
from airbeat.checks.rules import Rule, RuleKind, RuleSet
from airbeat.errors import GeometryError, Problem, RulesFileError
from airbeat.language.words import Message
from airbeat.mission.areafile import area_content, parse_features
from airbeat.mission.sections import Section, Text, complaint
from airbeat.mission.wording import problems_of
from airbeat.mission.yamltree import YamlTree, YamlTreeError, read_yaml

__all__ = ["load_rules", "shapes_in", "shipped_rules"]

_MAX_BYTES = 1_000_000
_MAX_RULES = 200
_NEEDS: dict[str, tuple[str, ...]] = {
    "height-above-ground": ("most_m",),
    "no-fly": ("file",),
    "night": ("sun_least_deg",),
    "people": ("least_m",),
    "mass": ("most_kg",),
    "speed": ("most_m_s",),
    "distance": ("most_m",),
    "wind": ("most_m_s",),
    "pilot": (),
}
_VALUES = ("most_m", "least_m", "most_kg", "most_m_s", "sun_least_deg", "file")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def _date(value: str) -> str:
    if not _DATE.fullmatch(value):
        raise complaint("must be a date (year-month-day)", "write e.g. 2024-01-01")
    return value


def _long_line(value: str) -> str:
    if not value.isprintable():
        raise complaint("must be one line of printable text", "leave out line breaks and control characters")
    return value.strip()


Sentence = Annotated[str, Field(min_length=1, max_length=600), AfterValidator(_long_line)]
Date = Annotated[str, Field(max_length=10), AfterValidator(_date)]


class _RuleSection(Section):
    """One rule of the file."""

    id: Annotated[str, Field(max_length=60, pattern=r"^[a-z0-9-]+$")]
    kind: Literal[
        "height-above-ground", "no-fly", "night", "people", "mass", "speed", "distance", "wind", "pilot"
    ]
    says: Sentence
    source: Sentence
    dated: Sentence
    severity: Literal["error", "warning", "note"] = "error"
    most_m: float | None = Field(default=None, ge=0, le=1e6)
    least_m: float | None = Field(default=None, ge=0, le=1e5)
    most_kg: float | None = Field(default=None, gt=0, le=1e5)
    most_m_s: float | None = Field(default=None, gt=0, le=1e3)
    sun_least_deg: float | None = Field(default=None, ge=-90, le=90)
    from_kg: float = Field(default=0.0, ge=0)
    below_kg: float | None = Field(default=None, gt=0)
    file: Text | None = None

    @model_validator(mode="after")
    def _has_its_values(self) -> _RuleSection:
        needed = _NEEDS[self.kind]
        for key in needed:
            if getattr(self, key) is None:
                raise complaint(
                    Message("a rule of kind {kind} needs {key}", kind=self.kind, key=key),
                    Message("add {key}: …", key=key),
                )
        allowed = {*needed, "most_m"} if self.kind == "no-fly" else set(needed)
        extra = [key for key in _VALUES if getattr(self, key) is not None and key not in allowed]
        if extra:
            raise complaint(
                Message("{extra} means nothing for a rule of kind {kind}", extra=extra[0], kind=self.kind),
                "leave it out",
            )
        return self


class _RulesFile(Section):
    """The whole file."""

    airbeat_rules: Literal[1]
    title: Text
    looked_up: Date
    note: Sentence = "no note"
    extends: list[Annotated[str, Field(max_length=60)]] = Field(default_factory=list, max_length=4)
    rules: list[_RuleSection] = Field(max_length=_MAX_RULES)


def shipped_rules() -> tuple[str, ...]:
    """Names of the rule sets that airbeat ships."""
    folder = files("airbeat.checks").joinpath("rulesets")
    return tuple(sorted(Path(f.name).stem for f in folder.iterdir() if f.name.endswith(".yaml")))


def load_rules(name: str) -> RuleSet:
    """The rules of a file, or of a shipped set by its name; files that it names are looked up beside it.

    Raises:
        RulesFileError: all problems of the file, with line and column.
    """
    if name in shipped_rules():
        content = files("airbeat.checks").joinpath("rulesets", f"{name}.yaml").read_bytes()
        return _parsed(content, f"{name}.yaml", Path())
    path = Path(name)
    return _parsed(_content(path), name, path.parent)


def _content(path: Path) -> bytes:
    shipped = ", ".join(shipped_rules())
    try:
        if path.is_file():
            with path.open("rb") as stream:
                return stream.read(_MAX_BYTES + 1)
        problem = Problem(
            line=0,
            column=0,
            key="",
            message=Message("no such rules file"),
            remedy=Message("give a file, or one of the shipped sets: {shipped}", shipped=shipped),
        )
    except (OSError, ValueError) as error:
        problem = Problem(line=0, column=0, key="", message=Message("cannot be read: {error}", error=error))
    raise RulesFileError(str(path), [problem])


def _parsed(content: bytes, name: str, folder: Path) -> RuleSet:
    tree = _tree(content, name)
    try:
        draft = _RulesFile.model_validate(tree.data)
    except ValidationError as error:
        raise RulesFileError(name, [*tree.problems, *problems_of(error, tree, _RulesFile)]) from error
    if tree.problems:
        raise RulesFileError(name, tree.problems)
    problems: list[Problem] = []
    rules: list[Rule] = []
    for index, base in enumerate(draft.extends):
        if base in shipped_rules():
            rules += load_rules(base).rules
        else:
            remedy = Message("shipped are {rules}", rules=", ".join(shipped_rules()))
            problems.append(
                tree.problem(("extends", index), Message("no shipped rule set {base!r}", base=base), remedy)
            )
    for index, section in enumerate(draft.rules):
        if any(r.name == section.id for r in rules):
            problems.append(
                tree.problem(
                    ("rules", index, "id"),
                    Message("{section} is there twice", section=section.id),
                    "choose another id",
                )
            )
        rule = _rule(section, index, tree, folder, problems)
        if rule is not None:
            rules.append(rule)
    if problems:
        raise RulesFileError(name, problems)
    return RuleSet(
        key=Path(name).stem,
        title=draft.title,
        looked_up=draft.looked_up,
        note=draft.note,
        rules=tuple(rules),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def _tree(content: bytes, name: str) -> YamlTree:
    def refuse(message: str, remedy: str) -> RulesFileError:
        problem = Problem(line=1, column=1, key="", message=message, remedy=remedy)
        return RulesFileError(name, [problem])

    if len(content) > _MAX_BYTES:
        raise refuse("larger than 1 MB", "put shapes into a GeoJSON file and name it")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        problem = Problem(
            line=line,
            column=column,
            key="",
            message=Message("not UTF-8 text"),
            remedy="save the file as UTF-8",
        )
        raise RulesFileError(name, [problem]) from error
    try:
        tree = read_yaml(text)
    except YamlTreeError as error:
        problem = error.problem
        if "mission" in problem.remedy:
            problem = replace(problem, remedy="one rules file begins with airbeat_rules: 1")
        raise RulesFileError(name, [problem]) from error
    if not isinstance(tree.data, dict):
        raise refuse("a rules file is a list of 'key: value' lines", "begin with airbeat_rules: 1")
    return tree


def _rule(
    section: _RuleSection, index: int, tree: YamlTree, folder: Path, problems: list[Problem]
) -> Rule | None:
    shapes = None
    if section.file is not None:
        try:
            shapes = shapes_in(folder / section.file)
        except GeometryError as error:
            where = f"{error.where}: " if error.where else ""
            problems.append(tree.problem(("rules", index, "file"), where + error.message, error.remedy))
            return None
    least = section.least_m if section.least_m is not None else section.sun_least_deg
    most = next((v for v in (section.most_m, section.most_kg, section.most_m_s) if v is not None), None)
    return Rule(
        name=section.id,
        kind=RuleKind(section.kind),
        says=section.says,
        source=section.source,
        dated=section.dated,
        severity=Severity(section.severity),
        most=most,
        least=least,
        from_kg=section.from_kg,
        below_kg=float("inf") if section.below_kg is None else section.below_kg,
        shapes=shapes,
    )


def shapes_in(path: Path) -> Any:
    """The polygons and lines of an area file as one geographic geometry.

    Raises:
        GeometryError: the file cannot be read, holds none, or points, which would be left out without a word.
    """
    features, notes = parse_features(area_content(path), name=path.name)
    points = next((note for note in notes if "point(s) left out" in note), None)
    if points is not None:
        raise GeometryError(points, remedy="draw the ground round each point as a polygon")
    shapes: list[Any] = []
    for feature in features:
        shapes += [
            shapely.Polygon(
                [(p.lon_deg, p.lat_deg) for p in outline.shell],
                [[(p.lon_deg, p.lat_deg) for p in hole] for hole in outline.holes],
            )
            for outline in feature.outlines
            if len(outline.shell) > 2
        ]
        if len(feature.line) > 1:
            shapes.append(shapely.LineString([(p.lon_deg, p.lat_deg) for p in feature.line]))
    if not shapes:
        raise GeometryError("no polygon and no line", where=path.name, remedy="draw the ground as polygons")
    return shapely.GeometryCollection(shapes)
