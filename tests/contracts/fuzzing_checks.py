"""What schemathesis checks beside its own: loaded in its process by SCHEMATHESIS_HOOKS."""

import json
from functools import cache
from typing import Any

import jsonschema_rs
import schemathesis


@schemathesis.check
def code_is_listed(context: Any, response: Any, case: Any) -> None:
    """The document names every code that a status may carry: clients branch on it."""
    known = _described(case, response)
    if response.status_code < 400 or known is None:
        return
    code = json.loads(response.content)["code"]
    if code not in known["description"].split(", "):
        raise AssertionError(f"{response.status_code} {code} is not in the document")


@schemathesis.check
def answer_fits(context: Any, response: Any, case: Any) -> None:
    """The answer is what its schema says.

    Schemathesis' own check of this breaks on tuples: 4.32.5 rewrites `prefixItems` in answers to a
    form that JSON Schema 2020-12 does not know, and then refuses the schema.
    """
    known = _described(case, response)
    if known is None or "content" not in known:
        return
    (content,) = known["content"].values()
    document = json.dumps(case.operation.schema.raw_schema)
    faults = [
        f"{fault.instance_path}: {fault.message}"
        for fault in _validator(document, json.dumps(content["schema"])).iter_errors(
            json.loads(response.content)
        )
    ]
    if faults:
        raise AssertionError("; ".join(faults))


@schemathesis.check
def nothing_inside_is_shown(context: Any, response: Any, case: Any) -> None:
    """An answer shows no trace, no statement and no file of ours."""
    for inside in (b"Traceback", b"asyncpg", b"select ", b".py", b"tortoise"):
        if response.status_code >= 400 and inside in response.content:
            raise AssertionError(f"the answer shows {inside.decode()}")


def _described(case: Any, response: Any) -> dict[str, Any] | None:
    responses = case.operation.definition.raw["responses"]
    return responses.get(str(response.status_code))


@cache
def _validator(document: str, schema: str) -> Any:
    components = json.loads(document)["components"]
    return jsonschema_rs.Draft202012Validator(
        json.loads(schema) | {"components": components}, validate_formats=True
    )
