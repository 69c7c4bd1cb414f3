"""HTTP dates (RFC 9110 section 5.6.7): the one format to write, and the three that must be read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from sozu.parsers.abnf import ALPHA, DIGIT
from sozu.parsers.combinators import alt, map_, seq, verify
from sozu.parsers.leaves import tag, take_while1, take_while_m_n

DAYS: Final = (b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun")
MONTHS: Final = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
LONG_DAYS: Final = (b"Monday", b"Tuesday", b"Wednesday", b"Thursday", b"Friday", b"Saturday", b"Sunday")
CENTURY: Final = 100
PIVOT: Final = 70

# HTTP-date    = IMF-fixdate / rfc850-date / asctime-date
# IMF-fixdate  = day-name "," SP date1 SP time-of-day SP GMT        ; Sun, 06 Nov 1994 08:49:37 GMT
# rfc850-date  = day-name-l "," SP date2 SP time-of-day SP GMT      ; Sunday, 06-Nov-94 08:49:37 GMT
# asctime-date = day-name SP date3 SP time-of-day SP year           ; Sun Nov  6 08:49:37 1994
# time-of-day  = hour ":" minute ":" second                         ; 00:00:00 - 23:59:60 (leap second)
# Names of days and months are case-sensitive. They begin alike, so a run of letters is taken and looked up.
two = map_(take_while_m_n(2, 2, DIGIT), int)
four = map_(take_while_m_n(4, 4, DIGIT), int)
name = take_while_m_n(3, 3, ALPHA)
month = map_(verify(name, MONTHS.__contains__, "month"), lambda found: MONTHS.index(found) + 1)
day_name = verify(name, DAYS.__contains__, "day of the week")
long_day_name = verify(take_while1(ALPHA), LONG_DAYS.__contains__, "day of the week")
space, dash, colon = tag(b" "), tag(b"-"), tag(b":")
time_of_day = seq(two << colon, two << colon, two)
gmt = tag(b" GMT")


def full_year(two_digits: int) -> int:
    """RFC 9110 asks for the century that is less than 50 years ahead; without a clock: 70 to 99 are of the last one."""
    return two_digits + (19 if two_digits >= PIVOT else 20) * CENTURY


def by_day(parts: tuple[Any, ...]) -> datetime | None:
    """Day, month, year, time: as the first two formats have it."""
    day, month_number, year, time = parts
    return moment(year, month_number, day, time)


def by_month(parts: tuple[Any, ...]) -> datetime | None:
    """Month, day, time, year: as asctime has it."""
    month_number, day, time, year = parts
    return moment(year, month_number, day, time)


def moment(year: int, month_number: int, day: int, time: tuple[int, int, int]) -> datetime | None:
    """The moment in UTC, or None if the calendar has none such; a leap second counts as the one before."""
    hour, minute, second = time
    try:
        return datetime(year, month_number, day, hour, minute, 59 if second == 60 else second, tzinfo=UTC)
    except ValueError:
        return None


imf_fixdate = day_name >> tag(b", ") >> map_(seq(two << space, month << space, four << space, time_of_day << gmt), by_day)
rfc850_date = long_day_name >> tag(b", ") >> map_(
    seq(two << dash, month << dash, map_(two, full_year) << space, time_of_day << gmt), by_day
)
asctime_day = alt(two, map_(space >> take_while_m_n(1, 1, DIGIT), int))
asctime_date = day_name >> space >> map_(seq(month << space, asctime_day << space, time_of_day << space, four), by_month)
http_date = verify(alt(imf_fixdate, asctime_date, rfc850_date), lambda found: found is not None, "a day of the calendar")


def write_date(when: datetime) -> bytes:
    """IMF-fixdate, whatever the locale; `when` has a time zone."""
    utc = when.astimezone(UTC)
    date = b"%s, %02d %s %04d" % (DAYS[utc.weekday()], utc.day, MONTHS[utc.month - 1], utc.year)
    return b"%s %02d:%02d:%02d GMT" % (date, utc.hour, utc.minute, utc.second)
