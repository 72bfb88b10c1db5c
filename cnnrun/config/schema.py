"""The configuration language as a JSON Schema (draft 7), which editors complete from."""

from __future__ import annotations

import dataclasses
import inspect
import types
from typing import Any, get_args, get_origin

from cnnrun.config.experiment import Experiment
from cnnrun.config.hints import (
    NAMED,
    is_required,
    leaf_adapter,
    options_of,
    registered,
    section_of,
)

__all__ = ["json_schema"]


def json_schema() -> dict[str, Any]:
    """Return the schema of a configuration file."""
    definitions = {
        registry.kind: _choice(registry.names(), registry) for registry in NAMED.values()
    }
    document = _object(Experiment)
    document["required"].remove("name")  # it defaults to the file's name
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "cnnrun configuration",
        **document,
        "definitions": definitions,
    }


def _choice(names: list[str], registry: Any) -> dict[str, Any]:
    """Return the schema of a bare name, or a mapping with one key."""
    bare, mappings = [], []
    for name in names:
        options = _object(registered(registry, name))
        about = inspect.cleandoc(registry.get(name).__doc__ or "").split("\n\n")[0]
        if not options["required"]:
            bare.append(name)
        mappings.append(
            {
                "type": "object",
                "description": about.replace("\n", " "),
                "properties": {name: options},
                "required": [name],
                "additionalProperties": False,
            }
        )
    return {"anyOf": [{"enum": bare}, *mappings]}


def _object(cls: Any) -> dict[str, Any]:
    options = options_of(cls)
    return {
        "type": "object",
        "properties": {name: _option(hint, field) for name, (hint, field) in options.items()},
        "required": [name for name, (_, field) in options.items() if is_required(field)],
        "additionalProperties": False,
    }


def _option(hint: Any, field: dataclasses.Field[Any]) -> dict[str, Any]:
    if hint in NAMED:
        return {"$ref": f"#/definitions/{NAMED[hint].kind}"}
    if section := section_of(hint):
        inner = _object(section)
        if types.NoneType not in get_args(hint):
            return inner
        return {"anyOf": [inner, {"type": "null"}], "default": None}
    if get_origin(hint) is tuple and get_args(hint)[0] in NAMED:
        kind = NAMED[get_args(hint)[0]].kind
        return {"type": "array", "items": {"$ref": f"#/definitions/{kind}"}}
    schema = _draft7(leaf_adapter(hint).json_schema())
    if field.default is not dataclasses.MISSING:
        schema["default"] = (
            list(field.default) if isinstance(field.default, tuple) else field.default
        )
    return dict(schema)


def _draft7(schema: Any) -> Any:
    """Return pydantic's schema with lists as draft 7 writes them: `items`, not `prefixItems`."""
    if isinstance(schema, list):
        return [_draft7(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        ("items" if key == "prefixItems" else key): _draft7(value) for key, value in schema.items()
    }
