"""What is recorded over HTTP: incidents, toll reports, retractions, withdrawals, sources and reporters."""

from typing import Annotated, Any

import orjson
from fastapi import Body
from starlette.requests import Request

from app.api.http.conditional_requests import conditional_headers, encoding_of
from app.api.http.etags import is_of_version, tag
from app.api.http.json_body import JSON, MERGE_PATCH
from app.api.http.write_route import DocumentedAs, WriteRequest, WriteRoute, write_router
from app.api.openapi import schemas
from app.api.openapi.operations import recorded
from app.api.routes.incidents import ID
from app.domain.dates import instant_text
from app.domain.incident import IncidentChange, IncidentDraft, WithdrawalDraft
from app.domain.json_text import extend_object, json_of
from app.domain.source import ReporterDraft, SourceDraft
from app.domain.toll import RetractionDraft, TollReportDraft
from app.errors import FieldError, InvalidInput, PreconditionFailed, PreconditionRequired
from app.query.code_lists import Format
from app.query.parameters import ClockQuery
from app.store.read import incidents as read_incidents
from app.store.read import reporters_sources
from app.store.read import reports as read_reports
from app.store.write.idempotency import Answer
from app.store.write.writer import Outcome

router = write_router("/v1")
REPORT_ID = {"report_id": "The report's id."}
WITHDRAWN = "A record with this id is there, or an incident is withdrawn."


Patch = Annotated[dict[str, Any], DocumentedAs(IncidentChange), Body(media_type=MERGE_PATCH)]


class ChangeRoute(WriteRoute):
    """A change of some members (RFC 7396). What it gives is validated once it is merged with the record."""

    media_types = (MERGE_PATCH, JSON)

    def read(self, document: Any) -> Any:
        """The members to be changed."""
        if not isinstance(document, dict):
            raise InvalidInput([FieldError("body", "is not an object of members", where="body")])
        return document


@router.post(
    "/incidents",
    response_model=schemas.Incident,
    tags=["Incidents"],
    summary="Record an incident with its first reports",
    **recorded("The incident, as its address gives it.", conflict=WITHDRAWN, etag=True),
)
def record_incident(request: WriteRequest, sent: IncidentDraft) -> Answer:
    """An incident and its first toll reports, recorded together or not at all."""
    _, incident_id = request.writer.record_incident(sent, new=True)
    request.writer.finish()
    return _incident(request, incident_id, 201)


changes = write_router("/v1", ChangeRoute)


@changes.patch(
    "/incidents/{incident_id}",
    response_model=schemas.Incident,
    tags=["Incidents"],
    summary="Change an incident's record",
    **recorded("The incident as it is now.", path=ID, conflict="The incident is withdrawn.", missing=True, change=True),
)
def change_incident(request: WriteRequest, sent: Patch) -> Answer:
    """A new version of an incident's record, with the members that were sent in the place of the old ones.

    Needs `If-Match` with the `ETag` of the incident that the change is made for. Members of `external_ids` and
    `attributes` are added, or taken away with a null; other members are replaced. Versions before stay.
    """
    incident_id = request.path_params["incident_id"]
    tags, version = request.headers.getlist("if-match"), request.writer.version_of(incident_id)
    if not tags:
        raise PreconditionRequired("send If-Match with the ETag of the incident that the change is made for")
    if not is_of_version(",".join(tags), f"/v1/incidents/{incident_id}", version):
        raise PreconditionFailed("If-Match names no ETag of the record as it is now (strong, in quotes); read it again")
    request.writer.revise_incident(incident_id, sent)
    request.writer.finish()
    return _incident(request, incident_id, 200)


@router.post(
    "/incidents/{incident_id}/toll-reports",
    response_model=schemas.RecordedTollReport,
    tags=["Toll reports"],
    summary="Record a figure about an incident",
    **recorded("The report, as its address gives it.", path=ID, conflict=WITHDRAWN, missing=True),
)
def record_toll_report(request: WriteRequest, sent: TollReportDraft) -> Answer:
    """A toll report about this incident, and about others where `incidents` names them."""
    return _report(request, sent, [request.path_params["incident_id"]])


@router.post(
    "/toll-reports",
    response_model=schemas.RecordedTollReport,
    tags=["Toll reports"],
    summary="Record a figure about one or several incidents",
    **recorded("The report, as its address gives it.", conflict=WITHDRAWN, missing=True),
)
def record_shared_toll_report(request: WriteRequest, sent: TollReportDraft) -> Answer:
    """A toll report about the incidents that `incidents` names: one figure, counted once."""
    return _report(request, sent, [])


@router.post(
    "/toll-reports/{report_id}/retraction",
    response_model=schemas.TollReport,
    tags=["Toll reports"],
    summary="Take a figure back",
    **recorded("The report, which stays.", path=REPORT_ID, conflict="It is retracted already.", missing=True),
)
def retract_toll_report(request: WriteRequest, sent: RetractionDraft) -> Answer:
    """The report is void from `reported_on` on, or as if it had never held; it stays in the history with the reason."""
    report_id = request.path_params["report_id"]
    request.writer.retract_report(report_id, sent.reason, sent.reported_on, sent.source)
    request.writer.finish()
    body = request.view.run(read_reports.find_report, report_id, ClockQuery())
    return _created(body, f"/v1/toll-reports/{report_id}", request)


@router.post(
    "/incidents/{incident_id}/withdrawal",
    response_model=schemas.Withdrawal,
    tags=["Incidents"],
    summary="Take an incident back, or merge it into another",
    **recorded("The withdrawal.", path=ID, conflict="It is withdrawn already.", missing=True),
)
def withdraw_incident(request: WriteRequest, sent: WithdrawalDraft) -> Answer:
    """Later reads of the incident get a 410 with the reason; `recorded_as_of` before still answers."""
    incident_id = request.path_params["incident_id"]
    request.writer.withdraw_incident(incident_id, sent.reason, sent.merged_into)
    request.writer.finish()
    told = {"incident": incident_id, "reason": sent.reason, "merged_into": sent.merged_into}
    told |= {"withdrawn_at": instant_text(request.view.recorded), "withdrawn_by": request.writer.by}
    return _created(orjson.dumps(told).decode(), f"/v1/incidents/{incident_id}", request)


@router.post(
    "/sources",
    response_model=schemas.SourceCounted,
    tags=["Reporters and sources"],
    summary="Record a source",
    **recorded("The source, as its address gives it.", again=schemas.SourceCounted),
)
def record_source(request: WriteRequest, sent: SourceDraft) -> Answer:
    """A publication. Sources are also recorded on their first use in a report."""
    return _party(request, sent, "source")


@router.post(
    "/reporters",
    response_model=schemas.ReporterCounted,
    tags=["Reporters and sources"],
    summary="Record a reporter",
    **recorded("The reporter, as its address gives it.", again=schemas.ReporterCounted),
)
def record_reporter(request: WriteRequest, sent: ReporterDraft) -> Answer:
    """Somebody who gives figures. Reporters are also recorded on their first use in a report."""
    return _party(request, sent, "reporter")


def _incident(request: WriteRequest, incident_id: str, status: int) -> Answer:
    found = request.view.run(read_incidents.find_incident, incident_id, ClockQuery())
    path = f"/v1/incidents/{incident_id}"
    encoding = encoding_of(Format.JSON, conditional_headers(request.scope["headers"]))
    etag = tag(
        path,
        b"",
        Format.JSON,
        encoding,
        (request.view.epoch, found.updated, request.view.confidential),
        found.version,
    )
    answer = _created(found.text, path, request, status)
    return Answer(status, answer.body, {**answer.headers, "ETag": etag})


def _report(request: WriteRequest, sent: TollReportDraft, about: list[str]) -> Answer:
    _, report_id = request.writer.record_report(sent, about, new=True)
    request.writer.finish()
    body, wholes = request.view.run(read_reports.find_recorded_report, report_id)
    if wholes:
        warnings = [f"the same reporter's {w}, about all victims, still stands; name it in supersedes" for w in wholes]
        body = extend_object(body, json_of({"warnings": warnings}))
    return _created(body, f"/v1/toll-reports/{report_id}", request)


def _party(request: WriteRequest, sent: ReporterDraft | SourceDraft, table: str) -> Answer:
    outcome, party_id = request.writer.record_party(sent)
    request.writer.finish()
    body = request.view.run(reporters_sources.find_reporter_or_source, table, party_id)
    return _created(body, f"/v1/{table}s/{party_id}", request, 201 if outcome is Outcome.CREATED else 200)


def _created(body: str, path: str, request: Request, status: int = 201) -> Answer:
    location = request.scope.get("root_path", "") + path
    return Answer(status, body.encode(), {"Location": location} if status == 201 else {})
