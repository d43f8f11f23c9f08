"""Writing: incidents, toll reports, retractions, withdrawals, sources and reporters."""

from functools import partial
from typing import Annotated, Any

from fastapi import Body
from starlette.requests import Request

from app.api.http.conditional_requests import conditional_headers, encoding_of
from app.api.http.etags import is_of_version, tag
from app.api.http.json_body import JSON, MERGE_PATCH
from app.api.http.write_route import DocumentedAs, WriteRequest, WriteRoute, write_router
from app.api.openapi import schemas
from app.api.openapi.operations import recorded
from app.api.routes.incidents import ID
from app.domain.dates import Instant, instant_text
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
from app.store.read.session import WriteSession
from app.store.write.idempotency import WriteResponse
from app.store.write.recorder import Respond
from app.store.write.writer import Outcome

router = write_router("/v1")
REPORT_ID = {"report_id": "The report's id."}
CONFLICT = "A record with this id already exists, or an incident is withdrawn."


Patch = Annotated[dict[str, Any], DocumentedAs(IncidentChange), Body(media_type=MERGE_PATCH)]


class ChangeRoute(WriteRoute):
    """A merge patch (RFC 7396), which is validated once it is merged with the record."""

    media_types = (MERGE_PATCH, JSON)

    def read(self, document: Any) -> Any:
        """The members to change."""
        if not isinstance(document, dict):
            raise InvalidInput([FieldError("body", "is not a JSON object", where="body")])
        return document


@router.post(
    "/incidents",
    response_model=schemas.Incident,
    tags=["Incidents"],
    summary="Record an incident with its first reports",
    **recorded("The incident, as its address returns it.", conflict=CONFLICT, etag=True),
)
def record_incident(request: WriteRequest, sent: IncidentDraft) -> Respond:
    """An incident and its first toll reports, recorded together or not at all."""
    _, incident_id = request.writer.record_incident(sent, new=True)
    return partial(_incident, request, incident_id, 201)


changes = write_router("/v1", ChangeRoute)


@changes.patch(
    "/incidents/{incident_id}",
    response_model=schemas.Incident,
    tags=["Incidents"],
    summary="Change an incident's record",
    **recorded("The incident as it is now.", path=ID, conflict="The incident is withdrawn.", missing=True, change=True),
)
def change_incident(request: WriteRequest, sent: Patch) -> Respond:
    """Adds a version of an incident's record with the members that are sent; earlier versions stay.

    Needs `If-Match` with the `ETag` of the incident that the change is based on. Members of `external_ids` and
    `attributes` are added, or removed with a null; all other members are replaced.
    """
    incident_id = request.path_params["incident_id"]
    _expect_match(request, incident_id, request.writer.version_of(incident_id))
    request.writer.revise_incident(incident_id, sent)
    return partial(_incident, request, incident_id, 200)


@router.post(
    "/incidents/{incident_id}/toll-reports",
    response_model=schemas.RecordedTollReport,
    tags=["Toll reports"],
    summary="Record a figure about an incident",
    **recorded("The report, as its address returns it.", path=ID, conflict=CONFLICT, missing=True),
)
def record_toll_report(request: WriteRequest, sent: TollReportDraft) -> Respond:
    """A toll report about this incident, and about all those that `incidents` names."""
    _, report_id = request.writer.record_report(sent, [request.path_params["incident_id"]], new=True)
    return partial(_recorded_report, request, report_id)


@router.post(
    "/toll-reports",
    response_model=schemas.RecordedTollReport,
    tags=["Toll reports"],
    summary="Record a figure about one or several incidents",
    **recorded("The report, as its address returns it.", conflict=CONFLICT, missing=True),
)
def record_shared_toll_report(request: WriteRequest, sent: TollReportDraft) -> Respond:
    """A toll report about the incidents that `incidents` names: one figure, counted once."""
    _, report_id = request.writer.record_report(sent, [], new=True)
    return partial(_recorded_report, request, report_id)


@router.post(
    "/toll-reports/{report_id}/retraction",
    response_model=schemas.TollReport,
    tags=["Toll reports"],
    summary="Retract a figure",
    **recorded("The report, which stays.", path=REPORT_ID, conflict="It is already retracted.", missing=True),
)
def retract_toll_report(request: WriteRequest, sent: RetractionDraft) -> Respond:
    """The report is void from `reported_on` on, or at every `as_of`; it stays in the history with the reason."""
    report_id = request.path_params["report_id"]
    request.writer.retract_report(report_id, sent.reason, sent.reported_on, sent.source)
    return partial(_report, request, report_id)


@router.post(
    "/incidents/{incident_id}/withdrawal",
    response_model=schemas.Withdrawal,
    tags=["Incidents"],
    summary="Withdraw an incident, or merge it into another",
    **recorded("The withdrawal.", path=ID, conflict="It is already withdrawn.", missing=True),
)
def withdraw_incident(request: WriteRequest, sent: WithdrawalDraft) -> Respond:
    """Later reads of the incident return 410 with the reason. An earlier `recorded_as_of` still returns it."""
    request.writer.withdraw_incident(request.path_params["incident_id"], sent.reason, sent.merged_into)
    return partial(_withdrawal, request, sent, request.writer.appender.by)


@router.post(
    "/sources",
    response_model=schemas.SourceCounted,
    tags=["Reporters and sources"],
    summary="Record a source",
    **recorded("The source, as its address returns it.", again=schemas.SourceCounted),
)
def record_source(request: WriteRequest, sent: SourceDraft) -> Respond:
    """A publication. A report that names a new source records it as well."""
    return partial(_reporter_or_source, request, "source", *request.writer.record_reporter_or_source(sent))


@router.post(
    "/reporters",
    response_model=schemas.ReporterCounted,
    tags=["Reporters and sources"],
    summary="Record a reporter",
    **recorded("The reporter, as its address returns it.", again=schemas.ReporterCounted),
)
def record_reporter(request: WriteRequest, sent: ReporterDraft) -> Respond:
    """Somebody who gives figures. A report that names a new reporter records it as well."""
    return partial(_reporter_or_source, request, "reporter", *request.writer.record_reporter_or_source(sent))


def _expect_match(request: Request, incident_id: str, version: Instant) -> None:
    """Raises `PreconditionRequired` without `If-Match`, and `PreconditionFailed` where it names another version."""
    tags = request.headers.getlist("if-match")
    if not tags:
        raise PreconditionRequired("send If-Match with the ETag of the incident that the change is based on")
    if not is_of_version(",".join(tags), f"/v1/incidents/{incident_id}", version):
        raise PreconditionFailed(
            "If-Match does not name an ETag of the current record (strong, in quotes); read it again"
        )


def _incident(request: Request, incident_id: str, status: int, session: WriteSession) -> WriteResponse:
    found = session.run(read_incidents.find_incident, incident_id, ClockQuery())
    path = f"/v1/incidents/{incident_id}"
    encoding = encoding_of(Format.JSON, conditional_headers(request.scope["headers"]))
    etag = tag(path, b"", Format.JSON, encoding, (session.epoch, found.updated, session.confidential), found.version)
    response = _response(request, found.text, path, status)
    return WriteResponse(status, response.body, {**response.headers, "ETag": etag})


def _recorded_report(request: Request, report_id: str, session: WriteSession) -> WriteResponse:
    body, wholes = session.run(read_reports.find_recorded_report, report_id)
    if wholes:
        warnings = [f"the same reporter's {w}, about all victims, still stands; name it in supersedes" for w in wholes]
        body = extend_object(body, json_of({"warnings": warnings}))
    return _response(request, body, f"/v1/toll-reports/{report_id}")


def _report(request: Request, report_id: str, session: WriteSession) -> WriteResponse:
    body = session.run(read_reports.find_report, report_id, ClockQuery())
    return _response(request, body, f"/v1/toll-reports/{report_id}")


def _withdrawal(request: Request, sent: WithdrawalDraft, by: str, session: WriteSession) -> WriteResponse:
    incident_id = request.path_params["incident_id"]
    document = {"incident": incident_id, "reason": sent.reason, "merged_into": sent.merged_into}
    document |= {"withdrawn_at": instant_text(session.recorded), "withdrawn_by": by}
    return _response(request, json_of(document), f"/v1/incidents/{incident_id}")


def _reporter_or_source(
    request: Request, table: str, outcome: Outcome, record_id: str, session: WriteSession
) -> WriteResponse:
    body = session.run(reporters_sources.find_reporter_or_source, table, record_id)
    return _response(request, body, f"/v1/{table}s/{record_id}", 201 if outcome is Outcome.CREATED else 200)


def _response(request: Request, body: str, path: str, status: int = 201) -> WriteResponse:
    location = request.scope.get("root_path", "") + path
    return WriteResponse(status, body.encode(), {"Location": location} if status == 201 else {})
