"""The shapes of errors and of the health of the service."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app.api.openapi.schemas import Shape


class Fault(Shape):
    """One invalid field of a request."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    in_: str = Field(alias="in", examples=["query"])
    name: str = Field(examples=["regoin"])
    message: str = Field(examples=["is not a parameter here; did you mean region?"])
    value: str | None


class Problem(BaseModel):
    """An error (RFC 9457). Some kinds of errors have extra members."""

    model_config = ConfigDict(extra="allow")
    type: str = Field(
        description="Address of the explanation of this error, relative to the service.",
        json_schema_extra={"format": "uri-reference"},
    )
    title: str
    status: int
    detail: str
    instance: str
    errors: list[Fault] | None = Field(None, description="With status 422: every invalid field.")


class Health(Shape):
    """The health of the service."""

    status: Literal["ok", "failing"]
    version: str
    detail: str | None = Field(None, description="What fails, and how to fix it.")
