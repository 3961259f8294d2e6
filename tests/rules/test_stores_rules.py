"""Hours, fences and ranking; the vectors are those of facts/maps.md 2.5 and 2.6."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.stores import rules
from commerce.stores.rules import Hours, Opening, check_spans, check_weekly, opening
from kit.clock import SHANGHAI
from kit.geo import Point, covers, haversine_m
from models.enums import DeliveryMethod

NOBODY = ((),) * 7
# 2026-11-20 is a Friday.
FRIDAY, SATURDAY, SUNDAY, MONDAY = (date(2026, 11, 20) + timedelta(days=n) for n in range(4))


def at(day: date, clock: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), SHANGHAI)


def weekly(**days: tuple[rules.Span, ...]) -> tuple[rules.Spans, ...]:
    return tuple(days.get(name, ()) for name in ("mon", "tue", "wed", "thu", "fri", "sat", "sun"))


def every_day(*spans: rules.Span) -> Hours:
    return Hours((spans,) * 7, {})


def open_at(hours: Hours, day: date, clock: str) -> bool:
    return opening(hours, at(day, clock)).is_open


def test_a_night_shift_ends_on_the_next_morning_to_the_second() -> None:
    late = Hours(weekly(fri=((1320, 1560),)), {})
    assert not open_at(late, FRIDAY, "21:59:59")
    assert open_at(late, FRIDAY, "22:00:00")
    assert open_at(late, SATURDAY, "01:59:59")
    assert not open_at(late, SATURDAY, "02:00:00")
    assert opening(late, at(SATURDAY, "01:00:00")).changes_at == at(SATURDAY, "02:00:00")


def test_sundays_tail_falls_on_monday() -> None:
    late = Hours(weekly(sun=((1320, 1560),)), {})
    assert open_at(late, MONDAY, "01:59:59")
    assert not open_at(late, MONDAY, "02:00:00")


def test_a_closed_saturday_leaves_fridays_tail_alone() -> None:
    late = Hours(weekly(fri=((1320, 1560),), sat=((600, 1320),)), {SATURDAY: ()})
    assert open_at(late, SATURDAY, "01:59:59")
    assert not open_at(late, SATURDAY, "12:00:00")


def test_an_override_of_yesterday_takes_yesterdays_tail_away() -> None:
    late = Hours(weekly(fri=((1320, 1560),), sat=((600, 1320),)), {FRIDAY: ()})
    assert not open_at(late, SATURDAY, "01:00:00")
    assert open_at(late, SATURDAY, "12:00:00")


def test_longer_hours_on_a_date_replace_the_weeks() -> None:
    hours = Hours(weekly(sat=((600, 1320),)), {SATURDAY: ((480, 1500),)})
    assert open_at(hours, SATURDAY, "08:00:00")
    assert open_at(hours, SUNDAY, "00:59:59")
    assert not open_at(hours, SATURDAY + timedelta(days=7), "08:00:00")


def test_a_break_closes_at_its_start_and_opens_at_its_end() -> None:
    lunch = every_day((600, 840), (1020, 1320))
    assert open_at(lunch, FRIDAY, "13:59:59")
    assert opening(lunch, at(FRIDAY, "14:00:00")) == Opening(
        is_open=False, changes_at=at(FRIDAY, "17:00:00")
    )
    assert open_at(lunch, FRIDAY, "17:00:00")


def test_touching_spans_are_one_opening() -> None:
    around = Hours(weekly(fri=((600, 1440),), sat=((0, 120),)), {})
    assert opening(around, at(FRIDAY, "12:00:00")).changes_at == at(SATURDAY, "02:00:00")


def test_round_the_clock_never_closes() -> None:
    assert opening(every_day((0, 1440)), at(FRIDAY, "03:00:00")) == Opening(
        is_open=True, changes_at=None
    )


def test_the_next_opening_is_found_up_to_fourteen_days_ahead() -> None:
    fortnight, beyond = FRIDAY + timedelta(days=14), FRIDAY + timedelta(days=15)
    found = opening(Hours(NOBODY, {fortnight: ((600, 900),)}), at(FRIDAY, "12:00:00"))
    assert found == Opening(is_open=False, changes_at=at(fortnight, "10:00:00"))
    lost = opening(Hours(NOBODY, {beyond: ((600, 900),)}), at(FRIDAY, "12:00:00"))
    assert lost == Opening(is_open=False, changes_at=None)


def test_instants_are_told_in_utc_whatever_zone_asks() -> None:
    state = opening(every_day((600, 1320)), datetime(2026, 11, 20, 4, 0, tzinfo=UTC))
    assert state.is_open
    assert state.changes_at is not None
    assert state.changes_at.tzinfo is UTC


def test_opening_times_of_a_date_are_instants() -> None:
    hours = every_day((600, 840), (1320, 1560))
    assert rules.opening_times(hours, FRIDAY) == [
        (at(FRIDAY, "10:00:00"), at(FRIDAY, "14:00:00")),
        (at(FRIDAY, "22:00:00"), at(SATURDAY, "02:00:00")),
    ]


def _spans() -> st.SearchStrategy[tuple[rules.Span, ...]]:
    marks = st.lists(st.integers(0, 1439), max_size=6, unique=True).map(sorted)
    tails = st.integers(0, 1440)

    def pair(drawn: tuple[list[int], int]) -> tuple[rules.Span, ...]:
        points, tail = drawn
        spans = list(zip(points[::2], points[1::2], strict=False))
        if len(points) % 2:
            spans.append((points[-1], points[-1] + max(1, tail)))
        return tuple(spans)

    return st.tuples(marks, tails).map(pair)


weeks = st.tuples(*[_spans()] * 7)
overrides = st.dictionaries(st.integers(-2, 15).map(lambda n: FRIDAY + timedelta(days=n)), _spans())
moments = st.integers(0, 3 * 1440).map(lambda n: at(FRIDAY, "00:00:00") + timedelta(minutes=n))


def _counted(hours: Hours, moment: datetime) -> bool:
    """The definition itself: today's spans at this minute, yesterday's at this minute plus a day."""
    local = moment.astimezone(SHANGHAI)
    minute = local.hour * 60 + local.minute
    today = local.date()
    return any(a <= minute < b for a, b in hours.on(today)) or any(
        a <= minute + 1440 < b for a, b in hours.on(today - timedelta(days=1))
    )


@given(weeks, overrides, moments)
def test_every_minute_agrees_with_the_definition(week, days, moment) -> None:
    hours = Hours(check_weekly(week), days)
    assert opening(hours, moment).is_open == _counted(hours, moment)


@given(weeks, overrides, moments)
def test_the_state_holds_until_it_changes_and_then_it_changes(week, days, moment) -> None:
    hours = Hours(week, days)
    state = opening(hours, moment)
    if state.changes_at is None:
        later = [moment + timedelta(hours=3 * n) for n in range(14 * 8)]
        assert all(_counted(hours, moment) == state.is_open for moment in later)
        return
    assert state.changes_at > moment
    assert opening(hours, state.changes_at).is_open != state.is_open
    steps = int((state.changes_at - moment).total_seconds()) // 60
    for minute in {0, steps // 3, steps // 2, steps - 1}:
        assert opening(hours, moment + timedelta(minutes=minute)) == state


@pytest.mark.parametrize(
    ("spans", "why"),
    [
        ([(-1, 60)], "within its day"),
        ([(1440, 1500)], "within its day"),
        ([(60, 60)], "at most 24 hours"),
        ([(90, 60)], "at most 24 hours"),
        ([(60, 1501)], "at most 24 hours"),
        ([(60, 120), (119, 180)], "follow each other"),
        ([(600, 660), (60, 120)], "follow each other"),
        ([(60, 120, 180)], "unpack"),
        ([()], "unpack"),
    ],
)
def test_unsound_spans_are_refused(spans, why) -> None:
    with pytest.raises(ValueError, match=why):
        check_spans(spans)


def test_spans_may_touch_and_last_a_whole_day() -> None:
    assert check_spans([[0, 60], [60, 1440]]) == ((0, 60), (60, 1440))
    assert check_spans([[600, 2040]]) == ((600, 2040),)


def test_a_week_has_seven_days() -> None:
    with pytest.raises(ValueError, match="seven"):
        check_weekly([[]] * 6)


NOTCHED = [
    Point(lat, lng)
    for lng, lat in [
        (121.47, 31.22),
        (121.49, 31.22),
        (121.49, 31.24),
        (121.48, 31.23),
        (121.47, 31.24),
    ]
]
HOME = Point(31.225, 121.48)


@pytest.mark.parametrize(
    ("lng", "lat", "is_inside"),
    [
        (121.475, 31.225, True),
        (121.48, 31.235, False),
        (121.489, 31.238, True),
        (121.5, 31.23, False),
        (121.47, 31.23, True),
        (121.48, 31.23, True),
    ],
)
def test_a_fence_covers_its_edge_and_not_its_notch(lng, lat, is_inside) -> None:
    fence = rules.make_fence(NOTCHED, HOME)
    point = Point(lat, lng)
    metres = haversine_m(HOME.lat, HOME.lng, lat, lng)
    assert rules.fence_covers(fence, point, metres) is is_inside


def test_without_a_fence_nothing_is_covered() -> None:
    assert not rules.fence_covers(None, HOME, 0.0)


def test_a_store_outside_its_own_fence_has_no_inner_circle() -> None:
    outside = Point(31.21, 121.46)
    fence = rules.make_fence(NOTCHED, outside)
    assert fence.circles[0] == 0
    assert not rules.fence_covers(fence, outside, 0.0)


points = st.builds(
    Point, st.floats(31.20, 31.26, allow_nan=False), st.floats(121.44, 121.52, allow_nan=False)
)


@given(points, points)
def test_the_circles_of_a_fence_never_change_the_answer(store, point) -> None:
    fence = rules.make_fence(NOTCHED, store)
    metres = haversine_m(store.lat, store.lng, point.lat, point.lng)
    assert rules.fence_covers(fence, point, metres) == covers(NOTCHED, point)


@pytest.mark.parametrize(
    ("corners", "store", "why"),
    [
        (NOTCHED[:2], HOME, "3 to"),
        ([NOTCHED[0], NOTCHED[2], NOTCHED[1], NOTCHED[4]], HOME, "area"),
        ([*NOTCHED, NOTCHED[0]], HOME, "closes by itself"),
        (NOTCHED, Point(31.6, 121.48), "30 km"),
    ],
)
def test_unsound_fences_are_refused(corners, store, why) -> None:
    with pytest.raises(ValueError, match=why):
        rules.check_fence(corners, store)


def test_a_sound_fence_passes() -> None:
    rules.check_fence(NOTCHED, HOME)


@pytest.mark.parametrize(
    ("opens", "zh", "en"),
    [
        (at(FRIDAY, "17:00:00"), "休息中，今天 17:00 开门", "Closed, opens today 17:00"),
        (at(SATURDAY, "09:30:00"), "休息中，明天 09:30 开门", "Closed, opens tomorrow 09:30"),
        (at(MONDAY, "09:00:00"), "休息中，周一 09:00 开门", "Closed, opens Monday 09:00"),
        (
            at(FRIDAY + timedelta(days=7), "09:00:00"),
            "休息中，11月27日 09:00 开门",
            "Closed, opens on 2026-11-27 09:00",
        ),
    ],
)
def test_a_closed_store_says_when_it_opens(opens, zh, en) -> None:
    reason = rules.opening_reason(Opening(is_open=False, changes_at=opens), at(FRIDAY, "14:00:00"))
    assert reason == rules.Reason("closed_until", zh, en)


def test_open_and_long_closed_stores_say_so() -> None:
    now = at(FRIDAY, "14:00:00")
    assert rules.opening_reason(Opening(True, None), now).code == "open_now"
    assert rules.opening_reason(Opening(False, None), now).code == "closed"


def test_other_reasons_have_words_in_both_languages() -> None:
    for reason in (
        rules.not_offered(DeliveryMethod.PICKUP),
        rules.not_offered(DeliveryMethod.DELIVERY),
        rules.missing_goods(2),
    ):
        assert reason.zh
        assert reason.en
    assert "2" in rules.missing_goods(2).zh


def test_able_to_serve_beats_a_whole_basket_beats_distance_beats_id() -> None:
    def key(usable: bool, basket: bool, metres: float, store_id: int):
        return rules.rank(is_usable=usable, has_basket=basket, metres=metres, store_id=store_id)

    best_first = [
        key(True, True, 900.0, 8),
        key(True, True, 900.0, 9),
        key(True, True, 950.0, 1),
        key(True, False, 10.0, 2),
        key(False, True, 5.0, 3),
        key(False, False, 1.0, 4),
    ]
    assert sorted(best_first[n] for n in (3, 0, 5, 1, 4, 2)) == best_first
