"""Whether the process lives, and whether it can screen."""

from typing import Any

from fastapi import APIRouter

from service.dependencies import PartsHere

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live", summary="Does the process live")
async def live() -> dict[str, str]:
    """Always `alive`: a process that answers lives."""
    return {"status": "alive"}


@router.get("/ready", summary="Can it screen now")
def ready(parts: PartsHere) -> dict[str, Any]:
    """The serving model, or 503 with the reason why there is none or why nothing could be recorded.

    `note` says when a promoted model waits for a reload, or why the latest reload kept the earlier model.
    """
    champion = parts.seat.current()
    promoted = parts.ledger.champion()  # raises when the ledger cannot be read
    waits = promoted is not None and (promoted.model, promoted.version) != (champion.name, champion.version)
    note = parts.seat.trouble or ("A newer promotion waits for `varhain reload`." if waits else None)
    return {"status": "ready", "model": champion.name, "version": champion.version, "note": note}
