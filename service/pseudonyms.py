"""Names that tell nothing: keyed pseudonyms of callers and clients, and random ids.

All of them are made of lower-case letters only. A hexadecimal digest contains, about once in a hundred, something
shaped like a Finnish personal identity code (the century signs since 2023 include A to F); letters alone never do.
"""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from features.errors import LedgerError
from service.private_files import make_private_folder

SECRET_BYTES = 32
LETTERS = "abcdefghijklmnopqrstuvwxyz"
_HEX_TO_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")


def random_letters(count: int) -> str:
    """Return `count` random lower-case letters, 4.7 bits each: 20 are an id, 55 are a secret of 256 bits."""
    letters = ""
    while len(letters) < count:
        # 234 = 9 * 26: the bytes above would make some letters likelier. Five times faster than secrets.choice.
        letters += "".join(LETTERS[byte % 26] for byte in secrets.token_bytes(2 * count) if byte < 234)
    return letters[:count]


def is_letters(text: str) -> bool:
    """Return whether a text could be an id: anything else need not, and some of it cannot, be asked of a database."""
    return text.isascii() and text.isalpha() and text.islower()


class Pseudonyms:
    """HMAC-SHA256 pseudonyms under one secret: the same name gives the same pseudonym, and only with the secret."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def of_caller(self, name: str) -> str:
        """Return the pseudonym of a caller, 32 letters (128 bits)."""
        return self._pseudonym("caller", name)

    def of_client(self, client_id: str) -> str:
        """Return the pseudonym of a client, 32 letters (128 bits); never equal to a caller's of the same name."""
        return self._pseudonym("client", client_id)

    def of_part(self, use: str, name: str) -> str:
        """Return an id, 20 letters (80 bits), that only who holds the secret can make again from the same name."""
        return self._pseudonym(use, name)[:20]

    @property
    def fingerprint(self) -> str:
        """What a ledger keeps to recognise its secret again; it tells nothing about the secret."""
        return self._pseudonym("fingerprint", "")

    def _pseudonym(self, use: str, name: str) -> str:
        digest = hmac.digest(self._secret, f"{use}\0{name}".encode("utf-8", "surrogatepass"), hashlib.sha256)
        return digest[:16].hex().translate(_HEX_TO_LETTERS)


def load_pseudonyms(secret_file: Path) -> Pseudonyms:
    """Return the pseudonyms under the secret in `secret_file`, which is made (mode 0600) if it does not exist.

    Two processes that start at once end up with the same secret: it is written in full to a file of its own and
    then linked to its name, which only one can do; a kill at any moment leaves no half-written secret.

    Raises
    ------
    LedgerError
        The file cannot be made or read, has the wrong length, or can be read by every user of the machine.
    """
    try:
        if not secret_file.exists():
            _make_secret(secret_file)
        everyone_may_read = secret_file.stat().st_mode & 0o007
        text = secret_file.read_bytes()
    except OSError as error:
        raise LedgerError(f"the secret file {secret_file} cannot be used: {error.strerror}") from error
    if everyone_may_read:
        raise LedgerError(f"the secret file {secret_file} is open to every user of this machine: chmod 600 it")
    try:
        secret = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        secret = b""
    if len(secret) != SECRET_BYTES:
        raise LedgerError(
            f"the secret file {secret_file} is damaged: it should hold {2 * SECRET_BYTES} hexadecimal digits; "
            "restore it from the backup, for without it the ledger no longer recognises its clients"
        )
    return Pseudonyms(secret)


def _make_secret(secret_file: Path) -> None:
    make_private_folder(secret_file.parent)
    draft = secret_file.with_name(f"{secret_file.name}.{os.getpid()}.{random_letters(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_bytes(SECRET_BYTES).hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, secret_file)
        except FileExistsError:
            return  # another process was first: its secret is the one
    finally:
        draft.unlink()
    folder = os.open(secret_file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
