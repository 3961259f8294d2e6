"""When the town's stores are open. Written apart from the shop's own rule, to be compared with it."""

from datetime import date, datetime, timedelta
from random import Random
from typing import Final

from kit.clock import shanghai
from scripts.town.town import Interval, TownDay, TownStore, Week

DAY_MINUTES: Final = 1440


def _every_day(*intervals: Interval) -> Week:
    return (intervals,) * 7


# pattern -> how many of a hundred stores keep it
WEEKS: Final[dict[Week, int]] = {
    _every_day((480, 1320)): 30,
    _every_day((420, 1380)): 22,
    (((600, 1320),),) * 4 + (((600, 1350),),) * 2 + (((600, 1320),),): 16,  # in a mall
    _every_day((540, 810), (870, 1260)): 10,  # lunch break
    _every_day((600, 1560)): 8,  # until two at night
    (((1080, 1560),),) * 4 + (((960, 1620),),) * 2 + (((960, 1560),),): 4,  # night kiosk
    _every_day((0, 1440)): 6,
    ((),) + (((540, 1260),),) * 6: 4,  # closed on Mondays
}
ROUND_THE_CLOCK: Final = _every_day((0, 1440))

# Holidays of a fixed date only: the others are published year by year.
HOLIDAYS: Final = ((1, 1, "元旦"), (5, 1, "劳动节"), (10, 1, "国庆节"))


def draw_week(dice: Random) -> Week:
    return dice.choices(list(WEEKS), list(WEEKS.values()))[0]


def draw_days(dice: Random, today: date, week: Week) -> tuple[TownDay, ...]:
    """The dates on which a store with `week` differs: the coming holidays, and its own reasons."""
    days = {day.on_date: day for day in _own_days(dice, today)}
    if week != ROUND_THE_CLOCK:
        closes = dice.random() < 0.1
        for month, day, name in HOLIDAYS:
            on = date(today.year, month, day)
            on = on if on > today else date(today.year + 1, month, day)
            days[on] = TownDay(on, () if closes else ((600, 1260),), name)
    return tuple(days[on] for on in sorted(days))


def is_open(store: TownStore, at: datetime) -> bool:
    """Whether the hours of `store` hold `at` (aware), today's or the tail of yesterday's."""
    local = shanghai(at)
    minute = local.hour * 60 + local.minute
    today = _intervals(store, local.date())
    yesterday = _intervals(store, local.date() - timedelta(days=1))
    return any(start <= minute < end for start, end in today) or any(
        start <= minute + DAY_MINUTES < end for start, end in yesterday
    )


def _own_days(dice: Random, today: date) -> list[TownDay]:
    days = []
    if dice.random() < 0.15:
        on = today + timedelta(days=dice.randint(-25, 14))
        days.append(TownDay(on, (), "盘点闭店"))
    if dice.random() < 0.1:
        on = today + timedelta(days=dice.randint(-20, 20))
        days.append(TownDay(on, ((480, 1470),), "店庆延时"))
    return days


def _intervals(store: TownStore, on: date) -> tuple[Interval, ...]:
    for day in store.days:
        if day.on_date == on:
            return day.intervals
    return store.weekly_hours[on.weekday()]
