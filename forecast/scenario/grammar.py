"""What may stand where in a scenario file, by the JSON Schema of the model."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from forecast.scenario.tree import Path

Schema = dict[str, Any]


@dataclass(frozen=True)
class Grammar:
    """The rules of shape, for the parts of one document.

    Parameters
    ----------
    document
        A scenario, or a part of one, as plain dicts, tuples and scalars. Where a part may have
        several forms, the tag that it bears (such as `form: rows`) says which rules are meant.
    kind
        The class that the document is to be.
    """

    document: Any
    kind: type[BaseModel]

    @property
    def whole(self) -> str:
        """What the document is called, such as "the scenario"."""
        return f"the {re.sub('(?<!^)(?=[A-Z])', ' ', self.kind.__name__).lower()}"

    def value_at(self, path: Path) -> Any:
        """What stands at a path; None if nothing does."""
        value: Any = self.document
        for step in path:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def schemas_at(self, path: Path) -> list[Schema]:
        """What may stand at a path."""
        given = self.value_at(path)
        found: list[Schema] = []
        for schema in self._options_at(path):
            if "oneOf" not in schema:
                found.append(schema)
                continue
            discriminator = schema.get("discriminator", {})
            tag = given.get(discriminator.get("propertyName")) if isinstance(given, dict) else None
            chosen = discriminator.get("mapping", {}).get(tag) if isinstance(tag, str) else None
            found += self._options([{"$ref": chosen}] if chosen else schema["oneOf"])
        return found

    def tags_at(self, path: Path) -> list[Any]:
        """Values that stand at a path to tell its form."""
        given = self.value_at(path)
        return [given.get(entry) for entry, _ in self._tagged(path) if isinstance(given, dict)]

    def legal_tags(self, path: Path) -> list[str]:
        """Values that may stand at a path to tell its form."""
        return [tag for _, legal in self._tagged(path) for tag in legal]

    def names_at(self, path: Path) -> list[str]:
        """Names of the entries that a mapping at a path may have."""
        schemas = self.schemas_at(path)
        return list(
            dict.fromkeys(key for schema in schemas for key in schema.get("properties", {}))
        )

    def names_meant(self, path: Path) -> list[str]:
        """Names of the entries of the way to state a mapping that it resembles most."""
        ways = [list(schema.get("properties", {})) for schema in self.schemas_at(path)]
        found = most_alike(ways, self.value_at(path) or ())
        return self.names_at(path) if found is None else ways[found]

    def _tagged(self, path: Path) -> Iterator[tuple[str, list[str]]]:
        for schema in self._options_at(path):
            if "discriminator" in schema:
                discriminator = schema["discriminator"]
                yield discriminator["propertyName"], list(discriminator.get("mapping", {}))

    def _options_at(self, path: Path) -> Iterator[Schema]:
        if not path:
            return iter([_schema_of(self.kind)])
        around = self.schemas_at(path[:-1])
        return self._options(child for schema in around for child in _children(schema, path[-1]))

    def _options(self, schemas: Iterable[Schema]) -> Iterator[Schema]:
        """Schemas with references followed and alternatives listed, unless a tag chooses."""
        for schema in schemas:
            if "$ref" in schema:
                named = _schema_of(self.kind)["$defs"][schema["$ref"].rsplit("/", 1)[1]]
                yield from self._options([named])
            elif "anyOf" in schema:
                yield from self._options(schema["anyOf"])
            else:
                yield schema


def most_alike(ways: Sequence[Collection[str]], given: Iterable[Any]) -> int | None:
    """Which way to state something has most entries among those given; None if none has any.

    The last of several: the first, an interval, is the less telling.
    """
    names = list(given)
    counts = [sum(name in way for name in names) for way in ways]
    return max(range(len(ways)), key=lambda k: (counts[k], k)) if any(counts) else None


@lru_cache(maxsize=64)
def _schema_of(kind: type[BaseModel]) -> Schema:
    return kind.model_json_schema(by_alias=True)


def forget_schemas() -> None:
    """Forget the schemas, because a way of stating a number or a form of table was defined."""
    _schema_of.cache_clear()


def _children(schema: Schema, step: str | int) -> list[Schema]:
    if isinstance(step, int) and schema.get("type") == "array":
        inner = schema.get("prefixItems", [])
        child = inner[step] if step < len(inner) else schema.get("items")
    else:
        patterns = list(schema.get("patternProperties", {}).values())
        other = patterns[0] if patterns else schema.get("additionalProperties")
        child = schema.get("properties", {}).get(step, other)
    return [child] if isinstance(child, dict) else []
