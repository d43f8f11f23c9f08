"""The long run of random requests from the OpenAPI document: `FUZZ_EXAMPLES` an operation, different each time."""

import os

import pytest
from schemathesis import GenerationMode

from app.domain.vocabulary import Scope
from app.store import keys
from app.store.db.database import Database
from tests.fuzz.document import FUZZED, fuzz
from tests.support import Client

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "500"))


@pytest.mark.fuzz
@pytest.mark.parametrize(("label", "mode"), FUZZED)
def test_responses_to_very_many_random_requests_match_the_document(
    seeded: Database, own_client: Client, label: str, mode: GenerationMode
) -> None:
    key = keys.create(seeded, "fuzz", [Scope.ADMIN], None)
    fuzz(own_client, label, mode, key, examples=EXAMPLES, fixed=False)
