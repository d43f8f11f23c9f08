"""Imports start with an empty database."""

import pytest

from tests.support import Client


@pytest.fixture
def client(empty_client: Client) -> Client:
    """The application over `database`."""
    return empty_client
