"""What the environment says: `CALLBOARD_TRANSPORT` and its kin."""

from typing import Literal

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from ._errors import USAGE, fail

LogLevel = Literal["debug", "info", "warning", "error", "critical"]


class Settings(BaseSettings):
    """Settings of the shell. An argument given on the command line wins.

    Attributes:
        transport: `memory://` or `kafka://HOST:PORT,...`; None if not set.
        node: Name of this node; None has one made.
        log_level: From where on callboard's own lines are shown.
        log_json: One JSON object a line instead of text.
    """

    model_config = SettingsConfigDict(env_prefix="CALLBOARD_", env_ignore_empty=True)

    transport: str | None = None
    node: str | None = None
    log_level: LogLevel = "info"
    log_json: bool = False


def load_settings(**given: object) -> Settings:
    """Return the settings, arguments first; an argument that is None was not given.

    Exits with a sentence that names the variable if one cannot be read.
    """
    chosen = {name: value for name, value in given.items() if value is not None}
    try:
        return Settings.model_validate(Settings().model_dump() | chosen)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = "_".join(str(part) for part in first["loc"])
        fail(
            f"CALLBOARD_{name.upper()} or --{name.replace('_', '-')} is {first['input']!r}: "
            f"{first['msg'][0].lower()}{first['msg'][1:]}",
            USAGE,
        )
