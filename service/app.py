"""The web application: `create_app(settings)` and nothing made at import."""

import asyncio
import gc
import logging
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, Response
from fastapi.routing import iter_route_contexts
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from features.errors import VarhainError
from service.access import authenticate
from service.champion import ChampionSeat
from service.dependencies import Parts
from service.ledger import open_ledger
from service.middleware import BodyGuard, IdentityCodeGuard, RequestLog
from service.openapi import OpenApiDocument
from service.problems import Problem, problem_of
from service.routes import batches, clients, health, model, screenings
from service.settings import Settings
from service.texts import preferred_language

log = logging.getLogger("varhain.service")
DESCRIPTION = (
    "Screens jobseekers early for the risk of long-term unemployment, explains the risk and leaves the decision to a "
    "person. The request is made from the catalogue of the model that serves: every field with its unit, codes and "
    "reason. Never send a personal identity code."
)
# The pages of Swagger UI as files: the documentation must not load anything from outside.
SWAGGER_PACKAGE = "fastapi_offline"
ASSETS = "/docs/assets"


def create_app(settings: Settings) -> FastAPI:
    """The service of one installation. The database must have been migrated; the champion is loaded at start.

    Raises
    ------
    VarhainError
        When the secret or the database cannot be used; a missing model is no error, it is told by `/health/ready`.
    """
    ledger = open_ledger(settings)
    parts = Parts(settings, ledger.engine, ledger, ChampionSeat(ledger, settings))
    app = FastAPI(
        title="Varhain",
        version="1",
        description=DESCRIPTION,
        lifespan=_lifespan,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        # A redirect would repeat the path, which may hold anything.
        redirect_slashes=False,
    )
    app.state.parts = parts
    for resource in (screenings, batches, clients, model, health):
        app.include_router(resource.router)
    _add_docs(app)
    app.openapi = OpenApiDocument(app, parts.seat)  # type: ignore[method-assign]
    _add_problems(app)
    # The last one added is the first one passed.
    large = {batches.PATH: settings.max_batch_bytes}
    opens = partial(authenticate, parts.engine)
    app.add_middleware(BodyGuard, max_body_bytes=settings.max_body_bytes, large=large, opens=opens)
    app.add_middleware(IdentityCodeGuard)
    app.add_middleware(RequestLog)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Listens for the reload signal, seats the champion, and lets go of the database at the end."""
    parts: Parts = app.state.parts
    try:
        # Listening comes first: a promotion that this load just misses is then taken by the reload that follows it.
        with _reloading_on_hangup(parts.seat):
            await asyncio.to_thread(parts.seat.load)
            # What is loaded by now stays: looked over at every collection, it would cost each request time.
            gc.collect()
            gc.freeze()
            yield
    finally:
        parts.engine.dispose()


@contextmanager
def _reloading_on_hangup(seat: ChampionSeat) -> Iterator[None]:
    """Loads the promoted model at every SIGHUP; at the end SIGHUP is handled as it was before."""
    # Python delivers signals to the main thread alone; a test's client runs the app in another.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    reloads: set[asyncio.Task[None]] = set()

    def reload() -> None:
        task = loop.create_task(asyncio.to_thread(seat.load))
        reloads.add(task)  # the loop itself keeps only weak references
        task.add_done_callback(reloads.discard)

    # Not the loop's own add_signal_handler: taken off, it leaves a moment in which the signal would end the process.
    before = signal.signal(signal.SIGHUP, lambda *_: loop.call_soon_threadsafe(reload))
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def _add_docs(app: FastAPI) -> None:
    spec = find_spec(SWAGGER_PACKAGE)
    assert spec is not None
    assert spec.origin is not None
    app.mount(ASSETS, StaticFiles(directory=Path(spec.origin).parent / "static"))

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        """The request and answer models as a page."""
        return get_swagger_ui_html(
            openapi_url="/v1/openapi.json",
            title="Varhain",
            swagger_js_url=f"{ASSETS}/swagger-ui-bundle.js",
            swagger_css_url=f"{ASSETS}/swagger-ui.css",
            swagger_favicon_url=f"{ASSETS}/favicon.png",
        )


def _add_problems(app: FastAPI) -> None:
    async def own(request: Request, error: Exception) -> Response:
        assert isinstance(error, VarhainError)
        return _respond(request, problem_of(error))

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return _respond(request, _problem_of_http(error))

    async def parameters(request: Request, error: Exception) -> Response:
        return _respond(request, Problem("invalid", "A parameter of the path, query or headers cannot be used."))

    app.add_exception_handler(VarhainError, own)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, parameters)


def _respond(request: Request, problem: Problem) -> Response:
    return problem.as_response(preferred_language(request.headers.get("accept-language")))


def _problem_of_http(error: HTTPException) -> Problem:
    headers: dict[str, Any] = dict(error.headers or {})
    if error.status_code == 404:
        return Problem("not_found", "There is no such resource; /v1/openapi.json lists them all.", headers=headers)
    if error.status_code == 405:
        return Problem("method", "The resource exists but not this method of it.", headers=headers)
    return Problem("refused", "The request cannot be carried out.", status=error.status_code, headers=headers)


def routes_of(app: FastAPI) -> set[tuple[str, str]]:
    """Every method and route template of `app`, those of included routers too; HEAD is answered as GET is."""
    return {
        (method, route.path or "")
        for route in iter_route_contexts(app.routes)
        for method in route.methods or ()
        if method != "HEAD"
    }
