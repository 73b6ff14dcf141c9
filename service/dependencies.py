"""What a route asks for in its signature: the service's parts, the caller, the document, the reader's language."""

from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Engine

from features.errors import AccessError
from service.access import Caller, authenticate, key_in
from service.champion import ChampionSeat
from service.ledger import Ledger
from service.once import OncePerPass
from service.problems import Problem, ProblemError
from service.purpose import SERVED_PURPOSE
from service.route_access import ANYBODY, roles_of
from service.settings import Settings
from service.texts import preferred_language
from service.today import today_in_finland
from service.together import Gathering


@dataclass(frozen=True)
class Parts:
    """What one running service is made of."""

    settings: Settings
    engine: Engine
    ledger: Ledger
    seat: ChampionSeat
    gathering: Gathering = field(default_factory=Gathering)
    callers: OncePerPass[Caller] = field(default_factory=OncePerPass, repr=False)


# What needs no waiting is `async`: FastAPI would otherwise send each of these through a thread of its own.
async def parts_of(request: Request) -> Parts:
    """The parts of the service that answers this request."""
    parts: Parts = request.app.state.parts
    return parts


async def caller_of(
    request: Request,
    parts: Annotated[Parts, Depends(parts_of)],
    authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Caller:
    """The caller, once the key is known and the table of routes lets its role and purpose in.

    Raises
    ------
    AccessError
        401 without a usable key, 403 when the role may not call this route or the key serves another purpose.
    """
    text = key_in(authorization)
    # SQLite answers from its pages in less time than a thread takes to hand the question over; a server is waited for.
    if parts.engine.dialect.name == "sqlite":
        caller = parts.callers.get(text, lambda: authenticate(parts.engine, text))
    else:
        caller = await run_in_threadpool(authenticate, parts.engine, text)
    allowed = roles_of(request.method, request.scope["route"].path)
    if caller.role not in allowed:
        raise AccessError(
            f"the key's role may not call this; it is for {', '.join(sorted(allowed - ANYBODY)) or 'nobody'}"
        )
    if caller.purpose != SERVED_PURPOSE:
        raise AccessError(f"the key was made for another purpose; only {SERVED_PURPOSE} is served")
    return caller


async def document_of(request: Request) -> Any:
    """The document that the middleware read from the body. Raises ProblemError (400) when there was none."""
    try:
        return request.scope["state"]["document"]
    except KeyError:
        raise ProblemError(Problem("unreadable", "There is no body; send the client's document as JSON.")) from None


async def language_of(
    accept_language: Annotated[str | None, Header(description="fi (default), sv or en")] = None,
) -> str:
    """The language to answer in."""
    return preferred_language(accept_language)


async def today() -> date:
    """The day on which the service stands."""
    return today_in_finland()


@dataclass(frozen=True)
class Asking:
    """All that a screening is asked with."""

    caller: Caller
    document: Any
    parts: Parts
    language: str
    today: date


async def asking(
    request: Request,
    authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
    accept_language: Annotated[str | None, Header(description="fi (default), sv or en")] = None,
) -> Asking:
    """The five dependencies of a screening in one: solving each by itself takes as long as hello-world's whole route.

    Raises what `caller_of` and `document_of` raise.
    """
    parts = await parts_of(request)
    caller = await caller_of(request, parts, authorization)
    document = await document_of(request)
    return Asking(caller, document, parts, await language_of(accept_language), await today())


PartsHere = Annotated[Parts, Depends(parts_of)]
CallerHere = Annotated[Caller, Depends(caller_of)]
DocumentHere = Annotated[Any, Depends(document_of)]
Language = Annotated[str, Depends(language_of)]
Today = Annotated[date, Depends(today)]
AskingHere = Annotated[Asking, Depends(asking)]
