"""Examples of responses. A test compares them with the responses from the seeds."""

from typing import Any

_MOMENT = "2026-11-24T12:00:00.000001Z"


def _headline(low: int, best: int, high: int, **other: Any) -> dict[str, Any]:
    usual = {
        "open_ended": False,
        "first": best,
        "change": "none",
        "revisions": 0,
        "spread": high - low,
        "disputed": False,
        "reports": 1,
        "reported_on": "2019-11-02",
    }
    return {"low": low, "best": best, "high": high} | usual | other


SOURCE = {
    "id": "article-2019-11-02-indelimane",
    "title": "Newspaper article on the attack at Indelimane",
    "publisher": None,
    "published_on": "2019-11-02",
    "url": None,
    "language": "en",
    "licence": None,
    "attribution": None,
}
INCIDENT: dict[str, Any] = {
    "id": "ml-2019-11-01-indelimane",
    "title": "Attack on the army post at Indelimane",
    "summary": "An armed group took an army post by surprise around midday and destroyed or carried off its vehicles. "
    "Reinforcements came about five in the afternoon and won the post back. Nobody had claimed the attack when the "
    "first figures were given.",
    "date_start": "2019-11-01",
    "date_end": "2019-11-01",
    "date_precision": "day",
    "country": "ML",
    "region": {"code": "ML-9", "name": "Ménaka"},
    "district": None,
    "place": "Indelimane",
    "latitude": None,
    "longitude": None,
    "place_precision": "exact",
    "near_border": ["NE"],
    "event_type": "Battles",
    "sub_event_type": "Armed clash",
    "type_of_violence": 1,
    "actors": [
        {"name": "Unidentified armed group", "role": "attacker", "kind": "unknown"},
        {"name": "Malian Armed Forces", "role": "target", "kind": "state_forces"},
    ],
    "claimed_by": None,
    "external_ids": {},
    "attributes": {},
    "recorded_at": _MOMENT,
    "toll": {
        "as_of": None,
        "rule": "latest-standing",
        "killed": _headline(49, 49, 49, first=53, change="lowered", revisions=1, reports=2),
        "wounded": _headline(3, 3, 3),
        "survived": _headline(20, 20, 20),
        "shared": [],
    },
    "sources": [SOURCE],
    "updated_at": _MOMENT,
}
INCIDENT_PAGE = {"items": [INCIDENT], "next": None, "next_cursor": None}


def _report(**members: Any) -> dict[str, Any]:
    usual = {
        "incidents": ["ml-2019-11-01-indelimane"],
        "measure": "killed",
        "victims": "military",
        "source": SOURCE,
        "breakdown": None,
        "recorded_at": _MOMENT,
        "retraction": None,
    }
    return usual | members


TOLL_HISTORY = {
    "incident": "ml-2019-11-01-indelimane",
    "rule": "latest-standing",
    "reports": [
        _report(
            id="tr-indelimane-killed-gov-1",
            low=53,
            best=53,
            high=53,
            bound="exact",
            reported_by={"id": "gov-ml", "name": "Government of Mali", "kind": "government"},
            reported_on="2019-11-01",
            locator="paragraph 5 and photo caption",
            note="The running text does not say whether all were soldiers; the caption does.",
            supersedes=None,
            status="superseded",
            superseded_by="tr-indelimane-killed-fama-1",
            change="first",
            delta=None,
            source_changed=None,
        ),
        _report(
            id="tr-indelimane-killed-fama-1",
            low=49,
            best=49,
            high=49,
            bound="exact",
            reported_by={"id": "fama", "name": "Malian Armed Forces", "kind": "military"},
            reported_on="2019-11-02",
            locator="paragraphs 1 and 3",
            note="Given expressly as a lower toll than the earlier one.",
            supersedes="tr-indelimane-killed-gov-1",
            status="standing",
            superseded_by=None,
            change="lowered",
            delta=-4,
            source_changed=True,
        ),
    ],
    "timeline": [
        {"measure": "killed", "from": "2019-11-01", "to": "2019-11-02", "low": 53, "best": 53, "high": 53},
        {"measure": "killed", "from": "2019-11-02", "to": None, "low": 49, "best": 49, "high": 49},
    ],
}
_NOTHING = {"low": None, "best": None, "high": None}


def _sums(**members: Any) -> dict[str, Any]:
    measures = ("killed", "wounded", "missing", "captured", "survived")
    return {f"{measure}{kind}": _NOTHING for kind in ("", "_shared") for measure in measures} | members


_MALI = _sums(
    incidents=3,
    killed={"low": 49, "best": 49, "high": 49},
    wounded={"low": 3, "best": 3, "high": 3},
    survived={"low": 20, "best": 20, "high": 20},
    killed_shared={"low": 40, "best": 40, "high": 41},
)
STATS = {"items": [{"country": "ML", **_MALI}], "total": _MALI}
