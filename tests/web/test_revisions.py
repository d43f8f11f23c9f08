"""How headlines changed since a reporter's first figures."""

from app.web.revisions import revisions


def test_the_first_figure_of_each_incident_is_compared() -> None:
    # given (incident, figure, headline now), in order of incident and time
    rows = [(1, 53, 49), (1, 49, 49), (2, 10, 20), (3, 5, 5), (4, 0, 3)]

    # when
    found = revisions(rows)

    # then
    assert found is not None
    assert (found.incidents, found.raised, found.lowered, found.kept, found.gone) == (4, 2, 1, 1, 0)
    assert found.median_delta == 1.5
    assert found.median_share == 0, "of −4/53, 10/10 and 0/5; one began with 0"
    assert (found.share(found.raised), found.share(found.lowered)) == (50, 25)


def test_a_reporter_without_comparable_figures_has_no_revisions() -> None:
    assert revisions([]) is None


def test_no_percentage_is_shown_for_zero() -> None:
    found = revisions([(1, 0, 7)])
    assert found is not None and found.median_share is None and found.median_delta == 7


def test_a_missing_headline_is_shown_as_missing_and_not_zero() -> None:
    found = revisions([(1, 10, None), (2, 10, 15)])
    assert found is not None and (found.incidents, found.gone, found.raised, found.lowered) == (2, 1, 1, 0)
    assert found.median_delta == 5
    alone = revisions([(1, 10, None)])
    assert alone is not None and alone.median_delta is None and alone.median_share is None
