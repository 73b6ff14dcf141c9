"""The one family of errors. It lives on the ground floor because every package may raise one."""

from dataclasses import dataclass


class VarhainError(Exception):
    """An error a person can act on: one message that says what was wrong, where, and what would be right.

    Parameters
    ----------
    message : str
        One sentence or more. It never repeats a refused value: it names the field, the file or the row.
    status_code : int, optional
        The HTTP status the service answers with; the command line exits with 2 whatever it is.
    """

    status_code = 400

    def __init__(self, message: str, status_code: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        if status_code is not None:
            self.status_code = status_code


@dataclass(frozen=True)
class Fault:
    """One thing wrong in a document: where (an RFC 6901 JSON pointer, or a file with row and column) and the cure."""

    pointer: str
    message: str


class FactsError(VarhainError):
    """A document or an extract cannot become facts; carries every fault found, not only the first."""

    status_code = 422

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(f"{fault.pointer}: {fault.message}" for fault in faults))


class CatalogueError(VarhainError):
    """A catalogue is at fault, or is asked for something it does not hold."""


class FrameError(VarhainError):
    """A feature matrix does not fit the catalogue or the model it is given to."""


class ExtractError(VarhainError):
    """An extract cannot be read as it stands."""


class ReadError(VarhainError):
    """A file could not be read for a reason that may pass: its disk or the way to it failed, not what it holds."""

    status_code = 503


class ConfigError(VarhainError):
    """A configuration has a key or a value that cannot be used."""


class TrainingError(VarhainError):
    """A training run cannot go on: too few people, one class only, a split that would leak."""


class PackageError(VarhainError):
    """A model package is missing, changed or not of a kind that can be used."""

    status_code = 503


class RegistryError(VarhainError):
    """The model registry has no such model or version, or refuses an act."""

    status_code = 404


class NotReadyError(VarhainError):
    """The service cannot screen now; the message says why and what to do."""

    status_code = 503


class AccessError(VarhainError):
    """A key is missing, unknown or not allowed to do this."""

    status_code = 403


class NotFoundError(VarhainError):
    """Nothing is kept under this name, or not for this caller."""

    status_code = 404


class LedgerError(VarhainError):
    """The ledger cannot be written or does not verify."""

    status_code = 503
