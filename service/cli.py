"""The command `varhain`: finds the commands of every package, and turns errors into one sentence and an exit code."""

import os
import re
import sys
from importlib.metadata import entry_points

import typer

from features.errors import VarhainError
from features.identity_codes import holds_identity_code, redacted

COMMANDS = "varhain.commands"
EXIT_ERROR = 2
EXIT_INTERRUPTED = 130
ABOUT = (
    "Varhain screens jobseekers early for the risk of long-term unemployment, explains the risk and leaves the "
    "decision to a person."
)
OPTION = re.compile(r"--?[a-z][a-z-]*")
DIGEST = re.compile(r"[0-9a-f]{64}")
# Typer carries its own copy of Click since 0.27 and names only the leaves of its family of errors.
UsageFault: type[Exception] = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


def build() -> typer.Typer:
    """The command line with the commands of every installed package."""
    # Typer's own tracebacks show local variables, which may hold a person's data.
    app = typer.Typer(name="varhain", help=ABOUT, no_args_is_help=True, pretty_exceptions_enable=False)
    for point in sorted(entry_points(group=COMMANDS), key=lambda point: point.name):
        point.load()(app)
    return app


def main() -> None:
    """Runs the command line and exits: 0 done, 2 an error a person can act on, 130 stopped by Ctrl-C."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """The exit code of one command line."""
    try:
        refuse_identity_codes(arguments)
        result = build()(arguments, prog_name="varhain", standalone_mode=False)
    except VarhainError as error:
        return _say(error.message)
    except UsageFault as error:
        return _say_usage(error)
    except (KeyboardInterrupt, typer.Abort):
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output (such as `head`) has seen enough; Python must not complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return result if isinstance(result, int) else 0


def refuse_identity_codes(arguments: list[str]) -> None:
    """Raise where an argument holds something shaped like a personal identity code, before a command repeats it.

    The client to be erased may be named by anything; it is only looked up. A digest holds the shape by chance.

    Raises
    ------
    VarhainError
        Naming the place of the argument, and the option it stands for, never the argument itself.
    """
    client = _position_of_client(arguments)
    for position, argument in enumerate(arguments):
        if position != client and not DIGEST.fullmatch(argument) and holds_identity_code(argument):
            option = next(filter(OPTION.fullmatch, (argument.partition("=")[0], *arguments[:position][-1:])), None)
            place = f"{position + 1} ({option})" if option else str(position + 1)
            raise VarhainError(
                f"Argument {place} holds something shaped like a personal identity code; choose a name or a text "
                "without one."
            )


def _position_of_client(arguments: list[str]) -> int | None:
    """Where the client stands in `varhain erase CLIENT`."""
    if arguments[:1] != ["erase"]:
        return None
    return next((place for place, argument in enumerate(arguments) if place and not OPTION.match(argument)), None)


def _say_usage(error: Exception) -> int:
    """A fault of the command line itself; a command called without anything has printed its help."""
    message = error.format_message()  # type: ignore[attr-defined]
    return _say(f"{message} See `varhain --help`.") if message else EXIT_ERROR


def _say(message: str) -> int:
    # The last net: where a message holds a code all the same, nothing of it is shown.
    print(redacted(message), file=sys.stderr)
    return EXIT_ERROR


if __name__ == "__main__":
    main()
