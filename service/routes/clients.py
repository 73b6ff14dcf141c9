"""What was screened about one client."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from service.answer import render
from service.answer_model import ScreeningList
from service.dependencies import CallerHere, Language, PartsHere
from service.routes.screenings import PRIVATE
from service.screening import record_of

router = APIRouter(prefix="/v1/clients", tags=["screenings"])


@router.get("/{client_id}/screenings", response_model=ScreeningList, summary="A client's screenings")
def read(client_id: str, caller: CallerHere, parts: PartsHere, language: Language) -> Response:
    """A client's screenings in the caller's own unit, newest first; the reading is recorded.

    Those whose personal part was erased are counted, not shown.
    """
    screenings = parts.ledger.screenings_of(client_id, caller)
    kept = [render(record_of(screening), language) for screening in screenings if not screening.is_erased]
    body = {"screenings": kept, "erased": len(screenings) - len(kept)}
    return JSONResponse(body, headers={**PRIVATE, "Content-Language": language})
