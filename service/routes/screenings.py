"""Screenings: ask for one, read one again."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from features.errors import NotFoundError
from service.answer import in_three_lines, render
from service.answer_model import ScreeningAnswer
from service.dependencies import AskingHere, CallerHere, Language, PartsHere
from service.problems import Problem, ProblemError
from service.screening import record_of

router = APIRouter(prefix="/v1/screenings", tags=["screenings"])
PRIVATE = {"Cache-Control": "no-store", "Vary": "Accept-Language, Accept"}


@router.post("", response_model=ScreeningAnswer, summary="Screen one client")
async def create(request: Request, asking: AskingHere) -> Response:
    """An explained answer about one client, recorded before it leaves.

    `Accept: text/plain` gives it in three lines. Somebody outside the trained population gets `assessed: false` with
    the reason and the next step: it says nothing about need.
    """
    # On the event loop itself: the work is all computing, so threads would only take it in turns, and hand it about.
    parts, champion = asking.parts, asking.parts.seat.current()
    request.state.explains_by = champion.package.explains_by
    record = await parts.gathering.screen(champion, parts.ledger, asking.caller, asking.document, asking.today)
    place = {"Location": f"/v1/screenings/{record['id']}"}
    return answer_with(record, request, asking.language, headers=place)


@router.get("/{screening_id}", response_model=ScreeningAnswer, summary="Read a screening again")
def read(screening_id: str, request: Request, caller: CallerHere, parts: PartsHere, language: Language) -> Response:
    """A screening of the caller's own unit, as it was given, in the language asked for; the reading is recorded."""
    screening = parts.ledger.screening(screening_id, caller)
    if screening is None:
        raise NotFoundError("There is no such screening in your unit.")
    if screening.is_erased:
        raise ProblemError(Problem("not_found", "What this screening held about the client was erased.", status=410))
    return answer_with(record_of(screening), request, language)


def answer_with(
    record: Mapping[str, Any], request: Request, language: str, headers: Mapping[str, str] | None = None
) -> Response:
    """The record as JSON, or as three lines of text for whoever asks for text/plain."""
    answer = render(record, language)
    all_headers = {**PRIVATE, "Content-Language": language, **(headers or {})}
    if request.headers.get("accept", "").startswith("text/plain"):
        return PlainTextResponse(in_three_lines(answer) + "\n", headers=all_headers)
    return JSONResponse(answer, headers=all_headers)
