"""The boards on loopback: one page per request, no script, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from dashboards import boards, filters, pages
from orchestration.project import ProjectError

HOST = "127.0.0.1"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
STATIC = {"boards.css": "text/css", "icon.svg": "image/svg+xml"}


def application(path: Path) -> Starlette:
    """The application that shows a published file; the file may come later."""

    def home(_: Request) -> Response:
        return RedirectResponse(f"/{next(iter(boards.boards()))}", headers=HEADERS)

    def board(request: Request) -> Response:
        name = request.path_params["board"]
        if name not in boards.boards() or name == boards.CASES:
            return _message(404, "No such page", f"There is no board {name}.")
        return _page(lambda: pages.board_page(path, name, _filters(request)))

    def cases(request: Request) -> Response:
        given = request.query_params
        show = given.get("show") or "eligible"
        if show not in boards.selections():
            return _message(400, "No such figure", f"There is no selection {show}.")
        page = given.get("page") or "1"
        if (
            not page.isascii()
            or not page.isdigit()
            or not 0 < int(page[:7]) < 1_000_000
        ):
            return _message(400, "No such page", "page is a number from 1 on.")
        return _page(
            lambda: pages.cases_page(
                path, _filters(request), show, given.get("value"), int(page)
            )
        )

    def case(request: Request) -> Response:
        key = request.query_params.get("key") or ""
        return _page(lambda: pages.case_page(path, key))

    def static(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in STATIC:
            return _message(404, "No such page", "There is no such file.")
        content = (boards.FOLDER / "static" / name).read_bytes()
        return Response(content, media_type=STATIC[name], headers=HEADERS)

    return Starlette(
        routes=[
            Route("/", home),
            Route(f"/{boards.CASES}", cases),
            Route("/case", case),
            Route("/static/{name}", static),
            Route("/{board}", board),
        ],
        # a page elsewhere cannot ask by a name that leads to this machine
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])
        ],
    )


def serve(path: Path, port: int) -> None:
    """Serves until it is stopped."""
    boards.boards()
    print(f"Boards on {path}: http://{HOST}:{port}/ (Ctrl-C stops)", flush=True)
    uvicorn.run(application(path), host=HOST, port=port, log_level="warning")


def _filters(request: Request) -> filters.Filters:
    return filters.read(request.query_params)


def _page(draw: Callable[[], str | None]) -> Response:
    try:
        page = draw()
    except filters.FilterError as problem:
        return _message(400, "A filter says nothing sensible", str(problem))
    except ProjectError as problem:
        return _message(503, "Nothing to show", str(problem))
    if page is None:
        return _message(404, "No such case", "No published case has this key.")
    return HTMLResponse(page, headers=HEADERS)


def _message(status: int, title: str, text: str) -> Response:
    return HTMLResponse(pages.message_page(title, text), status, headers=HEADERS)
