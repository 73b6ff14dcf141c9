"""What every request passes through before a route: our own log line, the size limit, the refusal of identity codes.

Written against ASGI itself: Starlette's own error middleware raises again after answering, and uvicorn would then log
the message of the exception, which may hold a person's data.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from features.errors import AccessError, VarhainError
from features.identity_codes import holds_bare_identity_code, may_hold_identity_code
from model_registry.scoring.larger_trees import LargerTrees
from service.access import key_in
from service.body import read_document
from service.pointers import hides_identity_code
from service.problems import Problem, ProblemError, identity_code_in, problem_of, unexpected
from service.route_access import ROLES_OF_ROUTE
from service.texts import preferred_language

log = logging.getLogger("varhain.requests")
METHODS_WITH_DOCUMENT = frozenset({"POST", "PUT", "PATCH"})
NO_ROUTE = "(no route)"
BODY_SECONDS = 60.0
SLOW = LargerTrees.explains_by
# Random hexadecimal numbers that gateways add: some have the shape of an identity code by chance. Nobody keeps them.
TRACE_HEADERS = frozenset(
    {
        b"traceparent",
        b"tracestate",
        b"x-amzn-trace-id",
        b"x-b3-traceid",
        b"x-b3-spanid",
        b"x-b3-parentspanid",
        b"cf-ray",
    }
)


class RequestLog:
    """Logs route template, status and milliseconds of each request, nothing else; makes any exception a problem."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers the request and logs it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        except Exception as error:  # noqa: BLE001 - the last net: whatever it was, it is logged without its message
            problem = problem_of(error) if isinstance(error, VarhainError) else unexpected(error)
            if not status:
                await respond(problem, scope, receive, send_and_note)
        took = (time.perf_counter() - began) * 1000
        slowly = f" (explained by {SLOW})" if scope.get("state", {}).get("explains_by") == SLOW else ""
        log.info("%s %s %d %.1f ms%s", _method(scope), _template(scope), status, took, slowly)


class IdentityCodeGuard:
    """Refuses a request whose path, query or headers hold anything shaped like a personal identity code."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, or answers 422 with the place where the code stands."""
        if scope["type"] == "http" and (place := _place_of_identity_code(scope)):
            await respond(identity_code_in(place), scope, receive, send)
        else:
            await self.app(scope, receive, send)


class BodyGuard:
    """Reads the body up to a limit, also when it comes in chunks of unknown number, and leaves the document it holds
    in ``scope["state"]["document"]``.

    `large` names the paths with a limit of their own for what is posted there. Such a body is taken in only from
    whoever shows a key that `opens` (it raises AccessError for any other), and its bytes are left unread in
    ``scope["state"]["body"]``: reading megabytes here would keep every other request waiting.
    """

    def __init__(
        self, app: ASGIApp, max_body_bytes: int, large: Mapping[str, int], opens: Callable[[str | None], object]
    ) -> None:
        self.app = app
        self.max_body_bytes = max_body_bytes
        self.large = large
        self.opens = opens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on with its document, or answers 413, 400 or 422."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            headers = Headers(scope=scope)
            is_large = scope["path"] in self.large and scope["method"] == "POST"
            if is_large:
                await run_in_threadpool(self.opens, key_in(headers.get("authorization")))
            limit = self.large[scope["path"]] if is_large else self.max_body_bytes
            async with asyncio.timeout(BODY_SECONDS):
                raw = await self._read(headers, receive, limit)
            if raw is None:  # the client went away: there is nobody to answer
                return
            if scope["method"] in METHODS_WITH_DOCUMENT and raw:
                if is_large:
                    scope.setdefault("state", {})["body"] = raw
                else:
                    scope.setdefault("state", {})["document"] = read_document(raw)
        except ProblemError as error:
            await respond(error.problem, scope, receive, send)
            return
        except AccessError as error:
            await respond(problem_of(error), scope, receive, send)
            return
        except TimeoutError:
            await respond(_too_slow(), scope, receive, send)
            return
        await self.app(scope, _replay(raw, receive), send)

    async def _read(self, headers: Headers, receive: Receive, limit: int) -> bytes | None:
        announced = headers.get("content-length", "0")
        if not announced.isdecimal() or int(announced) > limit:
            raise _too_large(limit)
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            if len(body) > limit:
                raise _too_large(limit)
            if not message.get("more_body", False):
                return bytes(body)


async def respond(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with `problem` in the language the request asks for."""
    language = preferred_language(Headers(scope=scope).get("accept-language"))
    await problem.as_response(language)(scope, receive, send)


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replay() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _too_slow() -> Problem:
    detail = f"The body did not arrive within {BODY_SECONDS:.0f} seconds; send it again."
    return Problem("unreadable", detail, status=408, headers={"Connection": "close"})


def _too_large(limit: int) -> ProblemError:
    detail = f"A request of this kind may hold at most {limit} bytes; one screening needs a few thousand."
    return ProblemError(Problem("too_large", detail, headers={"Connection": "close"}))


def _place_of_identity_code(scope: Scope) -> str | None:
    raw_path = (scope.get("raw_path") or b"").decode("latin-1")
    if hides_identity_code(scope["path"]) or hides_identity_code(raw_path):
        return "path"
    if hides_identity_code(scope["query_string"].decode("latin-1")):
        return "query"
    together = b"\0".join([part for header in scope["headers"] for part in header])
    if not may_hold_identity_code(together.decode("latin-1")):
        return None
    for name, value in scope["headers"]:
        # Random tokens hold the shape inside by chance; a code that stands alone is refused in a trace header as well.
        hides = holds_bare_identity_code if name in TRACE_HEADERS else hides_identity_code
        if any(hides(text) for raw in (name, value) for text in _readings(raw)):
            return "headers"
    return None


def _readings(raw: bytes) -> tuple[str, ...]:
    """A header's bytes as Latin-1, as HTTP has it, and as UTF-8, as many clients send it."""
    return (raw.decode("latin-1"), raw.decode("utf-8", "replace"))


def _template(scope: Scope) -> str:
    """The route's template; where a request was refused before routing, its path if that equals a template."""
    path = getattr(scope.get("route"), "path", None)
    if isinstance(path, str):
        return path
    return scope["path"] if (scope["method"], scope["path"]) in ROLES_OF_ROUTE else NO_ROUTE


def _method(scope: Scope) -> str:
    """The method, when it is one that HTTP knows: the method too is text from outside."""
    method = scope["method"]
    return method if method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} else "(other)"
