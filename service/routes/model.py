"""The model that serves: what it is, what it was made from, how it was judged; and who promoted what."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from service.dependencies import CallerHere, Language, PartsHere
from service.texts import say

router = APIRouter(prefix="/v1", tags=["model"])


@router.get("/model", summary="The serving model")
def read(caller: CallerHere, parts: PartsHere, language: Language) -> dict[str, Any]:
    """Versions, training data and evidence of the champion, its contact levels and what it is not for."""
    champion = parts.seat.current()
    package = champion.package
    policy = package.policy
    return {
        "model": champion.name,
        "version": champion.version,
        "demonstration": say("demonstration.mark", language) if package.meta.demonstration else None,
        "package": package.meta.digest,
        "created_at": package.meta.created_at,
        "explains_by": package.explains_by,
        "catalogue": {
            "name": package.catalogue.name,
            "version": package.catalogue.version,
            "fingerprint": package.meta.catalogue_fingerprint,
        },
        "landmarks": list(package.meta.landmarks),
        "policy": {
            "version": policy.version,
            "thresholds_are": policy.thresholds_are,
            "thresholds": {str(landmark): list(cuts) for landmark, cuts in policy.thresholds.items()},
            "levels": [
                {"level": level.key, "name": level.name[language], "meaning": level.meaning[language]}
                for level in policy.levels
            ],
        },
        "a_person_decides": policy.a_person_decides[language],
        "not_for": [words[language] for words in policy.not_for],
        "trained_on": dict(package.meta.trained_on),
        "evidence": dict(package.evidence),
    }


@router.get("/promotions", summary="Who promoted what, and why")
def promotions(caller: CallerHere, parts: PartsHere) -> dict[str, Any]:
    """Every promotion, newest first; who promoted is a pseudonym."""
    rows = [asdict(promotion) for promotion in parts.ledger.promotions()]
    for row in rows:
        del row["package_folder"]  # where this machine keeps its files is nobody's business over HTTP
    return {"promotions": rows}
