"""Anything shaped like a personal identity code is refused wherever it stands, and nothing ever repeats it."""

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
from fastapi.testclient import TestClient

from service import cli
from tests.service.served import Served, document, served

SIGNS = "+-ABCDEFUVWXYabcdefuvwxy"
BIRTH, NUMBER, CHECK = "010190", "123", "T"


def code(sign: str, check: str = CHECK) -> str:
    return f"{BIRTH}{sign}{NUMBER}{check}"


# As they stand in the text of a JSON document.
SHAPES = (
    code("-"),
    "\\u0030" + code("-")[1:],
    "".join(f"\\u{ord(character):04x}" for character in code("A")),
    quote(code("+"), safe=""),
    "".join(f"%{ord(character):02X}" for character in code("-")),
    "".join(f"%25{ord(character):02X}" for character in code("-")),
    " ".join((BIRTH, "-", NUMBER + CHECK)),
    f"{BIRTH}\\u2212{NUMBER}{CHECK}",
    f"x{code('A')}y",
    code("y", "t"),
)
TRACE = re.compile(rf"{BIRTH}.{{0,12}}{NUMBER}", re.DOTALL)


def traces(text: str) -> list[str]:
    """What is left in `text` of the codes of these tests, in whatever shape."""
    read = re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), unquote(unquote(unquote(text))))
    return TRACE.findall(text) + TRACE.findall(read)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Served:
    return served(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def client(service: Served) -> Iterator[TestClient]:
    with service.client() as running:
        yield running


@pytest.fixture(scope="module")
def seen(service: Served, client: TestClient) -> Iterator[list[str]]:
    """Everything that came out: answers with their headers, and what was logged; searched when all tests are done."""
    out: list[str] = []
    handler = logging.Handler(logging.DEBUG)
    handler.emit = lambda record: out.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    logging.getLogger("httpx").disabled = True  # the test's own client, which logs the address it calls
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.DEBUG)
    yield out
    logging.getLogger().setLevel(level)
    logging.getLogger().removeHandler(handler)


def refused(response: Any, seen: list[str]) -> None:
    seen.append(response.text + json.dumps(dict(response.headers)))
    assert response.status_code == 422
    assert response.json()["type"] == "urn:varhain:problem:identity_code"


def fields() -> dict[str, dict[str, Any]]:
    """A change of the document for every text field of the request, and for fields and keys nobody knows."""
    places = ("client_id", "purpose", "as_of", "education_level", "occupation_isco", "own_expectation", "history_from")
    found: dict[str, dict[str, Any]] = {name: {name: "%s"} for name in places}
    found["spell"] = {"spells": [{"employment_code": "%s", "start": "%s", "end": "%s", "known_on": "%s"}]}
    found["service"] = {"services": [{"service": "%s", "start": "%s"}]}
    found["assessment"] = {"self_assessments": [{"instrument_version": "%s", "mind": {"score": "%s"}}]}
    found["unknown field"] = {"note": "call %s tomorrow"}
    found["key"] = {"%s": 1}
    found["deep key"] = {"spells": [{"a": {"b %s c": "%s"}}]}
    return found


@pytest.mark.parametrize("place", fields())
@pytest.mark.parametrize("sign", SIGNS)
def test_in_every_field(client: TestClient, service: Served, seen: list[str], place: str, sign: str) -> None:
    change = json.loads(json.dumps(fields()[place]).replace("%s", code(sign)))

    response = client.post("/v1/screenings", json=document(**change), headers=service.headers())

    refused(response, seen)
    assert response.json()["errors"]


@pytest.mark.parametrize("check", ["T", "t", "0", "Z"])
def test_whether_the_check_character_is_right_or_not(
    client: TestClient, service: Served, seen: list[str], check: str
) -> None:
    response = client.post("/v1/screenings", json=document(client_id=code("-", check)), headers=service.headers())
    refused(response, seen)


@pytest.mark.parametrize("hidden", SHAPES)
def test_however_it_is_written(client: TestClient, service: Served, seen: list[str], hidden: str) -> None:
    body = json.dumps(document(client_id="HERE")).replace("HERE", hidden)

    refused(client.post("/v1/screenings", content=body, headers=service.headers()), seen)


@pytest.mark.parametrize("sign", SIGNS)
def test_in_the_path_the_query_and_the_headers(client: TestClient, service: Served, seen: list[str], sign: str) -> None:
    plain, encoded = code(sign), quote(code(sign), safe="").replace("0", "%30")
    headers = service.headers()

    for path in (f"/v1/clients/{plain}/screenings", f"/v1/clients/{encoded}/screenings", f"/{plain}", f"/{encoded}/x"):
        refused(client.get(path, headers=headers), seen)
    for query in (f"client={plain}", f"{plain}=1", f"client={encoded}"):
        refused(client.get(f"/health/live?{query}"), seen)
    for name, value in (("X-Client", plain), (f"X-{plain}" if sign not in "+" else "X-C", plain), ("X-C", encoded)):
        refused(client.get("/health/live", headers={**headers, name: value}), seen)
    refused(client.get("/health/live", headers={"Authorization": f"Bearer {plain}"}), seen)


def test_a_date_and_a_pseudonym_are_no_identity_codes(client: TestClient, service: Served) -> None:
    response = client.post(
        "/v1/screenings", json=document(client_id="7c9e6679-7425-40de-944b-e07fc1f90ae7"), headers=service.headers()
    )
    assert response.status_code == 200


def test_a_gateways_trace_number_is_none_either(client: TestClient) -> None:
    headers = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-010190a123b90271-01"}

    assert client.get("/health/live", headers=headers).status_code == 200


def test_no_answer_log_file_or_row_repeats_it(client: TestClient, service: Served, seen: list[str]) -> None:
    """Stands after all that ask the service: it searches what they left behind."""
    response = client.post("/v1/screenings", json=document(client_id=code("-")), headers=service.headers())
    refused(response, seen)

    assert traces(kept_in(service)) == []
    assert traces("\n".join(seen)) == []
    assert any("POST /v1/screenings 422" in line for line in seen)


def test_this_search_would_find_each_shape() -> None:
    assert [shape for shape in SHAPES if not traces(f"before {shape} after")] == []


def kept_in(service: Served) -> str:
    files = [path for path in Path(service.settings.home).rglob("*") if path.is_file()]
    return b"\n".join(path.read_bytes() for path in files).decode("latin-1")


FAULTY = {
    "a field": lambda shape: json.dumps(document(client_id="HERE")).replace("HERE", shape),
    "an unknown field": lambda shape: json.dumps(document(note="HERE", spells=1)).replace("HERE", shape),
    "a key": lambda shape: json.dumps(document(HERE=1)).replace("HERE", shape),
    "a list": lambda shape: f'["{shape}"]',
    "no object": lambda shape: f'"{shape}"',
    "no JSON": lambda shape: f'{{"client_id": {shape}',
    "no JSON at all": lambda shape: shape,
    "twice": lambda shape: f'{{"{shape}": 1, "{shape}": 2}}',
}


@pytest.mark.parametrize("place", FAULTY)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_command_line_repeats_it_neither(
    service: Served,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    shape: str,
) -> None:
    monkeypatch.setenv("VARHAIN_HOME", str(service.settings.home))
    file = tmp_path / "client.json"
    file.write_text(FAULTY[place](shape))

    exit_code = cli.run(["screen", str(file)])

    said = capfd.readouterr()
    assert exit_code == 2
    assert said.err.strip()
    assert traces(said.out + said.err + kept_in(service)) == []
