"""What the ledger's tests share: an installation in an empty folder, callers, and a plain screening."""

from pathlib import Path

from service.access import Caller
from service.database import migrate
from service.ledger import Ledger, Versions, open_ledger
from service.settings import Settings, load_settings
from service.verification import Verification, verify
from service.witness import Witness

ADVISOR = Caller("advisorkeyone", "advisor", "kerava", "service_planning")
ADVISOR_ELSEWHERE = Caller("advisorkeytwo", "advisor", "tuusula", "service_planning")
ANALYST = Caller("analystkey", "analyst", "kerava", "service_planning")
OPERATOR = Caller("operatorkey", "operator", "console", "service_planning")
VERSIONS = Versions("demo", "3", "a" * 64, "policy-1", "c" * 64)
DOCUMENT = {"client_id": "client-of-the-test", "occupation_isco": "52", "spells": [{"start": "2026-10-12"}]}
ANSWER = {"segment": "early_meeting", "risk": 0.25}


def installation(home: Path) -> Settings:
    """Return the settings of a migrated, empty installation."""
    settings = load_settings(home=home)
    migrate(settings)
    return settings


def empty_ledger(home: Path) -> Ledger:
    return open_ledger(installation(home))


def screen(ledger: Ledger, client_id: str = "client-of-the-test", caller: Caller = ADVISOR) -> str:
    """Record a plain screening and return its id."""
    return ledger.record_screening(caller, client_id, DOCUMENT | {"client_id": client_id}, ANSWER, VERSIONS).id


def verified(ledger: Ledger, home: Path, expected_head: str | None = None) -> Verification:
    return verify(ledger.engine, Witness(home / "ledger.witness"), expected_head)
