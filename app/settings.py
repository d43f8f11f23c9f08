"""Settings, read from the environment (prefix `INCIDENTS_`) and from `.env` at startup."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

_HERE = Path(__file__).resolve().parent
DEFAULT_DATABASE_URL = "sqlite:///incidents.db"


class Settings(BaseSettings):
    """All settings. Each has a default that works; `docs/reference/settings.md` lists them."""

    model_config = SettingsConfigDict(env_prefix="INCIDENTS_", env_file=".env", extra="ignore", frozen=True)

    database_url: str = Field(DEFAULT_DATABASE_URL, description="Database to write to, as an SQLAlchemy URL.")
    replica_url: str | None = Field(None, description="Database to read from. Default: the database to write to.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    seed: bool = Field(True, description="Load the seed incidents into an empty database at startup.")
    log_level: Literal["critical", "error", "warning", "info", "debug"] = Field(
        "info", description="Minimum log level."
    )
    access_log: bool = Field(False, description="Log one line per request.")
    read_seconds: float = Field(2.0, gt=0, le=60, description="Maximum time for the reads of one request, in seconds.")
    request_seconds: float = Field(10.0, gt=0, le=300, description="Maximum time to receive a request, in seconds.")
    send_seconds: float = Field(
        30.0, gt=0, le=3600, description="Maximum time for a client to read the next 16 KiB of a response, in seconds."
    )
    keep_alive_seconds: int = Field(
        75, ge=1, le=3600, description="Maximum idle time of a connection after a response, in seconds."
    )
    clock_ahead_seconds: float = Field(
        120.0, ge=0, description="Maximum time that the newest record may be ahead of the clock, in seconds."
    )
    cors_origins: list[str] = Field(["*"], description="Web origins whose pages may read from the API (a JSON list).")
    public_url: str | None = Field(
        None, description="Public base URL when behind a proxy; used in the OpenAPI document, links and citations."
    )


def data_folder(name: str) -> Path:
    """The folder `migrations` or `seeds`: inside the package when installed, next to it in a checkout."""
    inside = _HERE / f"_{name}"
    return inside if inside.is_dir() else _HERE.parent / name
