"""Pictures of the goods: files named by their content, so that a client may keep them for ever."""

import asyncio
from pathlib import Path
from typing import Any

from sanic import HTTPResponse, Request, Sanic

from commerce.catalog.rules.pictures import PICTURES, is_picture_name, media_type
from kit.errors import NotFound
from kit.web.problems import refusal_response

_FOREVER = "public, max-age=31536000, immutable"


def mount(app: "Sanic[Any, Any]", media_dir: Path) -> None:
    """Serve GET /media/{name} from `media_dir`; anything but a picture's name is not found."""

    async def show_picture(request: Request, name: str) -> HTTPResponse:
        content = await asyncio.to_thread(_read, media_dir, name)
        if content is None:
            return refusal_response(NotFound(), request)
        headers = {
            "cache-control": _FOREVER,
            "etag": f'"{name}"',
            "x-content-type-options": "nosniff",
        }
        if request.headers.get("if-none-match") == headers["etag"]:
            return HTTPResponse(status=304, headers=headers)
        return HTTPResponse(content, headers=headers, content_type=media_type(name))

    app.add_route(show_picture, f"{PICTURES}<name:str>", name="show_picture", unquote=True)


def _read(media_dir: Path, name: str) -> bytes | None:
    if not is_picture_name(name):
        return None
    try:
        return (media_dir / name).read_bytes()
    except FileNotFoundError:
        return None
