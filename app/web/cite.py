"""How an incident is cited: a permanent link, BibTeX, CSL-JSON, and schema.org data for search engines."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson

from app.web.words import INVISIBLE

_BIBTEX = str.maketrans({c: f"\\{c}" for c in "&%$#_{}"} | {"\\": "\\textbackslash{}", "~": "\\~{}", "^": "\\^{}"})
_MARKUP = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
SITE = "Conflict Incidents"


@dataclass(frozen=True, slots=True)
class Citation:
    """Texts to copy. `address` is permanent: it always shows the version that is cited."""

    address: str
    plain: str
    bibtex: str
    csl: str


def citation(item: Mapping[str, Any], address: str, accessed: date) -> Citation:
    """The citation of an incident. `accessed` is the recorded day that the address shows."""
    title = f"{item['title']} ({item['date_start']})"
    key = re.sub(r"[^a-z0-9]+", "-", item["id"].lower()).strip("-")
    entry = {
        "title": f"{{{title.translate(_BIBTEX)}}}",
        "author": f"{{{SITE}}}",
        "year": item["date_start"][:4],
        "howpublished": f"{SITE}, record {item['id'].translate(_BIBTEX)}",
        "url": address,
        "urldate": f"{accessed}",
    }
    bibtex = ",\n".join(f"  {name} = {{{value}}}" for name, value in entry.items())
    csl = {
        "id": item["id"],
        "type": "dataset",
        "title": title,
        "author": [{"literal": SITE}],
        "container-title": SITE,
        "issued": {"date-parts": [[accessed.year, accessed.month, accessed.day]]},
        "accessed": {"date-parts": [[accessed.year, accessed.month, accessed.day]]},
        "URL": address,
    }
    return Citation(
        address,
        f"{SITE}, “{title}”, record {item['id']}, as recorded on {accessed}. {address}",
        f"@misc{{{key},\n{bibtex}\n}}",
        orjson.dumps(csl, option=orjson.OPT_INDENT_2).decode(),
    )


def linked_data(item: Mapping[str, Any], address: str, country: str, formats: Mapping[str, str]) -> str:
    """The incident as a schema.org Event, and its record as a Dataset: JSON-LD that is safe inside HTML."""
    place: dict[str, Any] = {
        "@type": "Place",
        "name": item["place"] or (item["region"] or {}).get("name") or country,
        "address": {"@type": "PostalAddress", "addressCountry": item["country"]},
    }
    if item["latitude"] is not None:
        place["geo"] = {"@type": "GeoCoordinates", "latitude": item["latitude"], "longitude": item["longitude"]}
    event = {
        "@type": "Event",
        "name": item["title"],
        "startDate": item["date_start"],
        "endDate": item["date_end"],
        "location": place,
    } | ({"description": item["summary"]} if item["summary"] else {})
    dataset = {
        "@context": "https://schema.org",
        "@type": "Dataset",
        "name": f"{item['title']} ({item['date_start']})",
        "description": item["summary"] or f"Reported tolls of {item['title']}, {item['date_start']}.",
        "url": address,
        "identifier": item["id"],
        "dateModified": item["updated_at"],
        "includedInDataCatalog": {"@type": "DataCatalog", "name": SITE},
        "distribution": [
            {"@type": "DataDownload", "encodingFormat": media_type, "contentUrl": url}
            for media_type, url in formats.items()
        ],
        "about": event,
    }
    return safe_json(dataset)


def safe_json(value: Any) -> str:
    """JSON that cannot close the HTML element around it."""
    text = orjson.dumps(value).decode()
    for character, escaped in _MARKUP.items():
        text = text.replace(character, escaped)
    return INVISIBLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
