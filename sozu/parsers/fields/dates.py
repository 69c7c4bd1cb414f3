"""HTTP dates (RFC 9110 section 5.6.7): the one format to write, and the three that must be read.

`http_date` reads any of them as a moment in UTC. It has no clock; who has one says which year it is: `http_date_in(2031)`. The day of
the week is read and not compared: it adds nothing, and senders that get it wrong mean the date.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from parsy import success

from sozu.parsers.abnf import DIGIT
from sozu.parsers.choices import one_word
from sozu.parsers.combinators import alt, map_, seq, verify
from sozu.parsers.fuse import fuse
from sozu.parsers.leaves import one_of, tag, take_while_m_n

if TYPE_CHECKING:
    from collections.abc import Callable

    from parsy import Parser

    from sozu.parsers.fuse import Fused
    from sozu.parsers.regular import Regular

DAYS: Final = (b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun")
LONG_DAYS: Final = (b"Monday", b"Tuesday", b"Wednesday", b"Thursday", b"Friday", b"Saturday", b"Sunday")
MONTHS: Final = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
TODAY: Final = 2020  # for who has no clock: two digits mean 1971 to 2070

# HTTP-date    = IMF-fixdate / rfc850-date / asctime-date
# IMF-fixdate  = day-name "," SP date1 SP time-of-day SP GMT        ; Sun, 06 Nov 1994 08:49:37 GMT
# rfc850-date  = day-name-l "," SP date2 SP time-of-day SP GMT      ; Sunday, 06-Nov-94 08:49:37 GMT
# asctime-date = day-name SP date3 SP time-of-day SP year           ; Sun Nov  6 08:49:37 1994
# date1        = day SP month SP year
# date2        = day "-" month "-" 2DIGIT
# date3        = month SP ( 2DIGIT / ( SP 1DIGIT ) )
# time-of-day  = hour ":" minute ":" second                         ; 00:00:00 - 23:59:60 (leap second)
# GMT          = %s"GMT"                                            ; names and GMT are case-sensitive


def number(size: int) -> Regular[int]:
    """That many digits."""
    # Exactly so many, and by class: `int` alone would take a sign, blanks, and digits parted by `_`.
    digits = take_while_m_n(size, size, DIGIT)
    found: Regular[int] = map_(digits, int)
    return found


def between(least: int, most: int) -> Regular[int]:
    """A number of two digits, not below `least` and not above `most`."""
    # Every number is a word of the grammar, so an hour 24 or a day 32 is an error at its byte; that February has no 30th only the calendar knows.
    numbers = (b"%02d" % number for number in range(least, most + 1))
    found: Regular[int] = map_(one_word(numbers), int)
    return found


sp, dash, colon, comma = tag(b" "), tag(b"-"), tag(b":"), tag(b", ")
month: Regular[int] = map_(one_word(MONTHS), lambda found: MONTHS.index(found) + 1)
day = between(1, 31)
time_of_day = seq(between(0, 23) << colon, between(0, 59) << colon, between(0, 60))
gmt = tag(b" GMT")

imf_fixdate = one_word(DAYS) >> comma >> seq(day << sp, month << sp, number(4) << sp, time_of_day << gmt)
rfc850_date = one_word(LONG_DAYS) >> comma >> seq(day << dash, month << dash, number(2) << sp, time_of_day << gmt)
single: Regular[int] = alt(day, sp >> map_(one_of(b"123456789"), int))
asctime_date = one_word(DAYS) >> sp >> seq(month << sp, single << sp, time_of_day << sp, number(4))

IMF_FIXDATE: Final = fuse(imf_fixdate)
RFC850_DATE: Final = fuse(rfc850_date)
ASCTIME_DATE: Final = fuse(asctime_date)


def http_date_in(today: int) -> Parser:
    """The parser as of the year `today`. The three forms begin alike, so which one it is shows only behind the day's name."""
    # The form that RFC 9110 5.6.7 has everybody write comes first: the others are tried for old senders alone.
    forms = alt(
        made(IMF_FIXDATE, lambda day, month, year, time: moment(year, month, day, time)),
        made(ASCTIME_DATE, lambda month, day, time, year: moment(year, month, day, time)),
        made(RFC850_DATE, lambda day, month, digits, time: moment(full_year(digits, today), month, day, time)),
    )
    return verify(forms, lambda found: found is not None, "a moment of the calendar")


def made(form: Fused[Any], make: Callable[..., datetime | None]) -> Parser:
    """The moment that a form means. `map` would give a grammar that is not fused yet; `bind` leaves what is fused as it is."""
    return form.bind(lambda parts: success(make(*parts)))


def full_year(two_digits: int, today: int) -> int:
    """A year "that appears to be more than 50 years in the future" is "the most recent year in the past that had the same" digits."""
    latest = today + 50
    return latest - (latest - two_digits) % 100


def moment(year: int, month_number: int, day: int, time: tuple[Any, ...]) -> datetime | None:
    """The moment in UTC, or None if the calendar has none such. A leap second is the one that follows it."""
    hour, minute, second = time
    leap = second == 60
    try:
        # Python knows no second 60: the leap second (RFC 9110 5.6.7) is made by adding one. OverflowError is its answer where that leaves the year
        # 9999.
        return datetime(year, month_number, day, hour, minute, second - leap, tzinfo=UTC) + timedelta(seconds=leap)
    except (ValueError, OverflowError):
        return None


http_date = http_date_in(TODAY)


def write_date(when: datetime) -> bytes:
    """IMF-fixdate, whatever the locale; `when` has a time zone."""
    utc = when.astimezone(UTC)
    # Not strftime, which writes the names of days and months in the process's language: caches read English ones alone.
    date = b"%s, %02d %s %04d" % (DAYS[utc.weekday()], utc.day, MONTHS[utc.month - 1], utc.year)
    return b"%s %02d:%02d:%02d GMT" % (date, utc.hour, utc.minute, utc.second)
