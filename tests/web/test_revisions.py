"""How a reporter's first figures hold up."""

from app.web.revisions import revisions


def test_the_first_figure_of_each_incident_is_compared() -> None:
    # given (incident, time, figure, headline), in order of incident and time
    rows = [(1, 10, 53, 49), (1, 20, 49, 49), (2, 10, 10, 20), (3, 10, 5, 5), (4, 10, 0, 3)]

    # when
    found = revisions(rows)

    # then
    assert found is not None
    assert (found.incidents, found.raised, found.lowered, found.kept) == (4, 2, 1, 1)
    assert found.median_delta == 1.5
    assert found.median_share == 0, "of −4/53, 10/10 and 0/5; one began with 0"
    assert (found.share(found.raised), found.share(found.lowered)) == (50, 25)


def test_nobody_to_compare() -> None:
    assert revisions([]) is None


def test_a_share_of_nothing_is_not_told() -> None:
    found = revisions([(1, 10, 0, 7)])
    assert found is not None and found.median_share is None and found.median_delta == 7
