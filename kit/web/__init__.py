"""HTTP at the edge: endpoints from typed functions, problems from refusals, OpenAPI from both."""

from kit.web.api import Api
from kit.web.endpoints import Call, Key, Viewer
from kit.web.inputs import Id, Page, PageQuery, Struct, next_cursor, read_cursor

__all__ = [
    "Api",
    "Call",
    "Id",
    "Key",
    "Page",
    "PageQuery",
    "Struct",
    "Viewer",
    "next_cursor",
    "read_cursor",
]
