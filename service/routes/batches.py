"""Screenings of many clients at once."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from service.answer import render
from service.answer_model import BatchAnswer
from service.batch import screen_batch
from service.batch_body import Batch, batch_in
from service.dependencies import CallerHere, Language, PartsHere, Today
from service.problems import Problem, ProblemError
from service.routes.screenings import PRIVATE

PATH = "/v1/screenings/batch"
router = APIRouter(tags=["screenings"])


def batch_of(request: Request, caller: CallerHere) -> Batch:
    """The batch in the body, read only once the caller is known. Raises what `batch_in` raises."""
    raw: bytes | None = getattr(request.state, "body", None)
    if not raw:
        raise ProblemError(Problem("unreadable", "There is no body; send occasion and clients as JSON."))
    return batch_in(raw)


@router.post(PATH, response_model=BatchAnswer, summary="Screen many clients")
def create(
    request: Request,
    caller: CallerHere,
    batch: Annotated[Batch, Depends(batch_of)],
    parts: PartsHere,
    language: Language,
    today: Today,
) -> Response:
    """Up to 1,000 clients' answers in the order of the request, recorded together before the first of them leaves.

    A faulty client gets the problem that it would have got alone, and harms no other.
    """
    champion = parts.seat.current()
    request.state.explains_by = champion.package.explains_by
    answered = screen_batch(champion, parts.ledger, caller, batch, today)
    body = {
        "caseload": answered.entry.id,
        "occasion": batch.occasion,
        "recorded_at": answered.entry.recorded_at,
        "answers": [_item(place, one, language) for place, one in enumerate(answered.answers)],
    }
    return JSONResponse(body, headers={**PRIVATE, "Content-Language": language})


def _item(place: int, one: dict[str, Any] | Problem, language: str) -> dict[str, Any]:
    if isinstance(one, Problem):
        return {"position": place, "problem": one.as_body(language)}
    return {"position": place, "screening": render(one, language)}
