from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from sozu.parsers.fields.dates import (
    ASCTIME_DATE,
    DAYS,
    IMF_FIXDATE,
    LONG_DAYS,
    MONTHS,
    RFC850_DATE,
    http_date,
    http_date_in,
    write_date,
)
from sozu.parsers.result import Error
from sozu.parsers.whole import whole
from tests.parsers.three_ways import reads, refuses

RFC_EXAMPLE = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)


@pytest.mark.parametrize(
    "value", [b"Sun, 06 Nov 1994 08:49:37 GMT", b"Sunday, 06-Nov-94 08:49:37 GMT", b"Sun Nov  6 08:49:37 1994"]
)
def test_the_three_forms_of_the_rfc_mean_the_same(value: bytes) -> None:
    reads(http_date, value, RFC_EXAMPLE)
    reads(http_date, value, RFC_EXAMPLE, after=b"\r\n")


def test_each_form_reads_the_same_fused_and_step_by_step() -> None:
    reads(IMF_FIXDATE, b"Thu, 29 Feb 2024 23:59:60 GMT", (29, 2, 2024, (23, 59, 60)))
    reads(RFC850_DATE, b"Thursday, 29-Feb-24 23:59:59 GMT", (29, 2, 24, (23, 59, 59)))
    reads(ASCTIME_DATE, b"Thu Feb 29 23:59:59 2024", (2, 29, (23, 59, 59), 2024))


@pytest.mark.parametrize(
    ("value", "position"),
    [
        (b"sun, 06", 0),
        (b"Sux", 2),
        (b"Sun,06", 4),
        (b"Sun, 6 Nov", 5),
        (b"Sun, 06 nov", 8),
        (b"Sun, 06 Nux", 9),
        (b"Sun, 06-Nov", 7),
        (b"Sun, 06 Nov 94 ", 14),
        (b"Sun, 06 Nov 1994 8:", 17),
        (b"Sun, 00 Nov", 6),
        (b"Sun, 32 Nov", 6),
        (b"Sun, 06 Nov 1994 24", 18),
        (b"Sun, 06 Nov 1994 08:60", 20),
        (b"Sun, 06 Nov 1994 08:49:61", 24),
        (b"Sun, 06 Nov 1994 08:49:37 UTC", 26),
        (b"Sun, 06 Nov 1994 08:49:37 +0000", 26),
    ],
)
def test_anything_else_is_an_error_where_it_breaks(value: bytes, position: int) -> None:
    refuses(IMF_FIXDATE, value, position)
    found = whole(http_date, value)
    assert isinstance(found, Error)
    assert found.position == position


@pytest.mark.parametrize(
    "value",
    [
        b"Wed, 30 Feb 2022 00:00:00 GMT",
        b"Tue, 31 Apr 2024 00:00:00 GMT",
        b"Wed, 29 Feb 2023 00:00:00 GMT",
        b"Wed, 01 Feb 0000 00:00:00 GMT",
        b"Fri, 31 Dec 9999 23:59:60 GMT",
    ],
)
def test_what_the_calendar_does_not_have_is_an_error(value: bytes) -> None:
    assert isinstance(whole(http_date, value), Error)


def test_a_leap_second_is_the_one_that_follows() -> None:
    assert whole(http_date, b"Sat, 31 Dec 2016 23:59:60 GMT") == datetime(2017, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("today", "digits", "year"),
    [
        (2020, 70, 2070),
        (2020, 71, 1971),
        (2026, 76, 2076),
        (2026, 77, 1977),
        (2026, 26, 2026),
        (2080, 94, 2094),
        (2080, 31, 2031),
    ],
)
def test_two_digits_mean_a_year_no_more_than_50_years_ahead(today: int, digits: int, year: int) -> None:
    found = whole(http_date_in(today), b"Sunday, 06-Nov-%02d 08:49:37 GMT" % digits)

    assert isinstance(found, datetime)
    assert found.year == year


MOMENTS = st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30))  # noqa: DTZ001 - hypothesis adds the zone


@given(MOMENTS.map(lambda moment: moment.replace(microsecond=0, tzinfo=UTC)))
def test_what_is_written_is_read_back(moment: datetime) -> None:
    assert whole(http_date, write_date(moment)) == moment


@settings(max_examples=25)  # what is no IMF-fixdate is found out step by step; fuzz/ tries more
@given(MOMENTS.map(lambda moment: moment.replace(microsecond=0, tzinfo=UTC)))
def test_the_old_forms_are_read_back_as_well(moment: datetime) -> None:
    day, month, time = moment.weekday(), MONTHS[moment.month - 1], moment.strftime("%H:%M:%S").encode()
    asctime = b"%s %s %2d %s %04d" % (DAYS[day], month, moment.day, time, moment.year)
    rfc850 = b"%s, %02d-%s-%02d %s GMT" % (LONG_DAYS[day], moment.day, month, moment.year % 100, time)

    assert whole(http_date, asctime) == moment
    assert whole(http_date_in(moment.year), rfc850) == moment


def test_a_moment_of_another_zone_is_written_in_gmt() -> None:
    there = timezone(timedelta(hours=-5))

    assert write_date(datetime(2024, 2, 28, 23, 0, 0, tzinfo=there)) == b"Thu, 29 Feb 2024 04:00:00 GMT"
