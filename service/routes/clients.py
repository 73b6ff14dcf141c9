"""What was screened about one client."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from service.answer import render
from service.answer_model import ScreeningList
from service.dependencies import CallerHere, Language, PartsHere
from service.ledger import Screening
from service.routes.screenings import PRIVATE
from service.screening import record_of

router = APIRouter(prefix="/v1/clients", tags=["screenings"])


@router.get("/{client_id}/screenings", response_model=ScreeningList, summary="A client's screenings")
def read(client_id: str, caller: CallerHere, parts: PartsHere, language: Language) -> Response:
    """A client's screenings in the caller's own unit, newest first; the reading is recorded.

    Those made from a file stand apart, as the rows that were written. Whatever was erased is counted, not shown.
    """
    screenings = parts.ledger.screenings_of(client_id, caller)
    kept = [screening for screening in screenings if not screening.is_erased]
    body = {
        "screenings": [render(record_of(one), language) for one in kept if not one.is_from_file],
        "from_files": [_row(one) for one in kept if one.is_from_file],
        "erased": len(screenings) - len(kept),
    }
    return JSONResponse(body, headers={**PRIVATE, "Content-Language": language})


def _row(screening: Screening) -> dict[str, Any]:
    return {
        "id": screening.id,
        "caseload": screening.caseload,
        "recorded_at": screening.recorded_at,
        "model": screening.versions.model,
        "model_version": screening.versions.model_version,
        "answer": screening.answer,
    }
