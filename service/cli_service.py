"""The commands of the service: `varhain serve`, `varhain reload`, `varhain screen`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

KEY_HELP = "file with an advisor's key; default: the demonstration's"


def register(app: typer.Typer) -> None:
    """Add `serve`, `reload` and `screen` to the command line."""
    app.command("serve", epilog="Example: varhain serve --port 8001")(serve)
    app.command("reload", epilog="Example: varhain reload")(reload)
    app.command("screen", epilog="Example: varhain screen var/demo/new_client.json --language en")(screen)


def serve(
    host: Annotated[str | None, typer.Option(help="address to listen on; default: VARHAIN_HOST or 127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(help="port to listen on; default: VARHAIN_PORT or 8000")] = None,
) -> None:
    """Serve the promoted model over HTTP until Ctrl-C.

    Without a usable model it starts all the same and `/health/ready` says why it is not ready.
    """
    from service.process import listen
    from service.settings import load_settings

    asked = {"host": host, "port": port}
    settings = load_settings(**{name: value for name, value in asked.items() if value is not None})
    taken = listen(settings.host, settings.port)

    from service.server import serve_on

    serve_on(taken, settings)


def reload() -> None:
    """Ask the serving process to load the model promoted last; requests under way are not dropped."""
    from service.process import signal_reload
    from service.settings import load_settings

    settings = load_settings()
    number = signal_reload(settings.home)
    print(f"Process {number} was asked to load the promoted model; /health/ready tells which one serves.")


def screen(
    file: Annotated[Path, typer.Argument(help="JSON document of one client; - reads standard input")],
    language: Annotated[str, typer.Option(help="fi, sv or en")] = "fi",
    key_file: Annotated[Path | None, typer.Option(help=KEY_HELP)] = None,
) -> None:
    """Screen one client from a JSON file and print the answer; it is recorded like any other screening."""
    from service.answer import render
    from service.champion import promoted_champion
    from service.console import document_in, key_in, language_named
    from service.database import migrate_existing
    from service.ledger import open_ledger
    from service.readable import readable
    from service.settings import load_settings

    chosen = language_named(language)
    document = document_in(file)
    settings = load_settings()
    migrate_existing(settings)
    ledger = open_ledger(settings)
    caller = key_in(key_file or settings.home / "keys" / "demo-advisor.key", ledger, "advisor")
    champion = promoted_champion(ledger, settings)

    from service.screening import screen as tell
    from service.today import today_in_finland

    sys.stdout.write(readable(render(tell(champion, ledger, caller, document, today_in_finland()), chosen)))
