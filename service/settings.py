"""What a deployment may set: every value from an environment variable that starts with `VARHAIN_`."""

from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from features.errors import ConfigError


class Settings(BaseSettings):
    """The settings of one installation; paths are absolute and nothing is created by reading them.

    `VARHAIN_HOME` alone is enough for one machine: the database, the secret, the witness file and the model store
    then lie in that folder. PostgreSQL and an mlflow server are reached by `VARHAIN_DATABASE_URL` and
    `VARHAIN_MLFLOW_URI`, without a change of code.
    """

    # A refused value may be a password: pydantic's own message must not repeat it.
    model_config = SettingsConfigDict(env_prefix="VARHAIN_", frozen=True, hide_input_in_errors=True, extra="forbid")

    home: Path = Field(default=Path("var"), description="folder of everything this installation keeps")
    # Out of repr: the address may hold a password.
    database_url: str = Field(default="", repr=False, description="SQLAlchemy address; empty: SQLite in home")
    database_wait_seconds: float = Field(default=5.0, gt=0, le=60, description="how long a writer waits its turn")
    host: str = Field(default="127.0.0.1", description="address the service listens on")
    port: int = Field(default=8000, ge=1, le=65535)
    mlflow_uri: str = Field(default="", repr=False, description="mlflow server; empty: a store in home")
    retention_days: int = Field(default=730, ge=1, description="days a payload is kept before `varhain ledger expire`")
    secret_file: Path = Field(default=Path(), description="secret of the pseudonyms; empty: pseudonyms.secret in home")
    witness_file: Path = Field(default=Path(), description="heads of the chain; empty: ledger.witness in home")
    max_body_bytes: int = Field(default=262_144, ge=1024, description="largest request body")
    max_batch_bytes: int = Field(default=8 * 1024 * 1024, ge=1024, description="largest body of a batch of screenings")
    labour_market_file: Path | None = Field(default=None, description="newer labour market figures than the package's")

    def model_post_init(self, context: Any, /) -> None:
        """Fill in what follows from `home`, so that nobody downstream repeats the rule."""
        # Absolute at once: a relative path would mean another database after a change of directory.
        home = self.home.expanduser().absolute()
        derived: dict[str, Any] = {"home": home}
        if not self.database_url:
            derived["database_url"] = f"sqlite:///{home / 'varhain.sqlite'}"
        for name, file in (("secret_file", "pseudonyms.secret"), ("witness_file", "ledger.witness")):
            given = getattr(self, name)
            derived[name] = home / file if given == Path() else given.expanduser().absolute()
        for name, value in derived.items():
            object.__setattr__(self, name, value)


def load_settings(**values: Any) -> Settings:
    """Return the settings of the environment, `values` going first.

    Raises
    ------
    ConfigError
        A variable cannot be used; each is named with what would be right, its value never repeated.
    """
    try:
        return Settings(**values)
    except ValidationError as error:
        faults = [f"VARHAIN_{'_'.join(map(str, fault['loc'])).upper()}: {fault['msg']}" for fault in error.errors()]
        raise ConfigError("settings that cannot be used: " + "; ".join(faults)) from None
