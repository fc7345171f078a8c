/* SPDX-License-Identifier: MIT
 *
 * Calendar arithmetic is done here on the proleptic Gregorian calendar, because timegm() and
 * gmtime() depend on the host's zone files and would let "2025-02-31" pass.
 */
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define WAIT_MAX_MS INT64_C(1000000000) /* eleven days: as good as for ever, and an int too */
#define SECONDS_PER_DAY 86400
#define DAYS_PER_ERA 146097 /* 400 years */
#define YEAR_0_US (INT64_C(-62167219200) * US_PER_SECOND)
#define YEAR_10000_US (INT64_C(253402300800) * US_PER_SECOND)

struct civil {
    int year, month, day, hour, minute, second, microsecond;
};

static int64_t read_clock_us(clockid_t id)
{
    struct timespec now;

    if (clock_gettime(id, &now))
        return 0;
    return (int64_t)now.tv_sec * US_PER_SECOND + now.tv_nsec / 1000;
}

int64_t clock_now_us(void)
{
    return read_clock_us(CLOCK_REALTIME);
}

int64_t clock_monotonic_us(void)
{
    return read_clock_us(CLOCK_MONOTONIC);
}

int64_t clock_monotonic_ms(void)
{
    return clock_monotonic_us() / 1000;
}

struct deadline deadline_in(int64_t ms)
{
    if (ms > WAIT_MAX_MS)
        ms = WAIT_MAX_MS;
    return (struct deadline){clock_monotonic_ms() + (ms > 0 ? ms : 0)};
}

int64_t deadline_left_ms(struct deadline deadline)
{
    int64_t left = deadline.at_ms - clock_monotonic_ms();

    return left > 0 ? left : 0;
}

void deadline_sleep(struct deadline deadline, int64_t ms)
{
    int64_t left = deadline_left_ms(deadline);
    int64_t pause = ms < left ? ms : left;
    struct timespec interval = {pause / 1000, (long)(pause % 1000) * 1000000L};

    (void)nanosleep(&interval, NULL);
}

/* Days since 1970-01-01. Years are counted from March, so that the leap day comes last. */
static int64_t days_from_civil(int year, int month, int day)
{
    int64_t shifted = month > 2 ? year : year - 1;
    int64_t era = (shifted >= 0 ? shifted : shifted - 399) / 400;
    int64_t year_of_era = shifted - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return era * DAYS_PER_ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
           day_of_year - 719468;
}

static struct civil civil_from_us(int64_t us)
{
    int64_t clamped = us < YEAR_0_US ? YEAR_0_US : us >= YEAR_10000_US ? YEAR_10000_US - 1 : us;
    int64_t since_year_0 = clamped - YEAR_0_US;
    int64_t days = since_year_0 / US_PER_SECOND / SECONDS_PER_DAY + DAYS_PER_ERA - 60;
    int64_t second = since_year_0 / US_PER_SECOND % SECONDS_PER_DAY;
    int64_t era = days / DAYS_PER_ERA;
    int64_t day_of_era = days % DAYS_PER_ERA;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    struct civil c = {
        .day = (int)(day_of_year - (153 * month + 2) / 5 + 1),
        .month = (int)(month < 10 ? month + 3 : month - 9),
        .hour = (int)(second / 3600),
        .minute = (int)(second / 60 % 60),
        .second = (int)(second % 60),
        .microsecond = (int)(since_year_0 % US_PER_SECOND),
    };

    c.year = (int)(era * 400 + year_of_era + (c.month <= 2)) - 400;
    return c;
}

void timestamp_format(char out[TEL_TIMESTAMP_SIZE], int64_t us)
{
    struct civil c = civil_from_us(us);
    char text[96];

    (void)snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%06d+00:00", c.year, c.month,
                   c.day, c.hour, c.minute, c.second, c.microsecond);
    memcpy(out, text, TEL_TIMESTAMP_SIZE - 1);
    out[TEL_TIMESTAMP_SIZE - 1] = '\0';
}

void timestamp_compact(char date[9], char time[7], int64_t us)
{
    char text[TEL_TIMESTAMP_SIZE];

    timestamp_format(text, us);
    (void)snprintf(date, 9, "%.4s%.2s%.2s", text, text + 5, text + 8);
    (void)snprintf(time, 7, "%.2s%.2s%.2s", text + 11, text + 14, text + 17);
}

/* Read exactly `digits` digits; advance the text. */
static bool read_number(const char **text, int digits, int min, int max, int *out)
{
    int value = 0;

    for (int i = 0; i < digits; i++) {
        char c = (*text)[i];

        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (c - '0');
    }
    *text += digits;
    *out = value;
    return value >= min && value <= max;
}

static bool read_char(const char **text, const char *accepted)
{
    if (!**text || !strchr(accepted, **text))
        return false;
    (*text)++;
    return true;
}

static bool read_date(const char **text, struct civil *c)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap;

    if (!read_number(text, 4, 0, 9999, &c->year) || !read_char(text, "-") ||
        !read_number(text, 2, 1, 12, &c->month) || !read_char(text, "-") ||
        !read_number(text, 2, 1, 31, &c->day))
        return false;
    leap = (c->year % 4 == 0 && c->year % 100 != 0) || c->year % 400 == 0;
    return c->day <= days[c->month - 1] + (leap && c->month == 2);
}

static bool read_time(const char **text, struct civil *c)
{
    int place = 100000;

    if (!read_number(text, 2, 0, 23, &c->hour) || !read_char(text, ":") ||
        !read_number(text, 2, 0, 59, &c->minute) || !read_char(text, ":") ||
        !read_number(text, 2, 0, 60, &c->second))
        return false;
    if (!read_char(text, ".,"))
        return true;
    if (**text < '0' || **text > '9')
        return false;
    for (; **text >= '0' && **text <= '9'; (*text)++, place /= 10)
        c->microsecond += (**text - '0') * place;
    return true;
}

/* Read "Z", "+hh:mm", "+hhmm", "+hh" or nothing, up to the end. */
static bool read_offset(const char *text, int *seconds)
{
    int hours;
    int minutes = 0;
    bool west = *text == '-';

    *seconds = 0;
    if (!*text)
        return true;
    if (read_char(&text, "Zz"))
        return !*text;
    if (!read_char(&text, "+-") || !read_number(&text, 2, 0, 23, &hours))
        return false;
    if (*text) {
        (void)read_char(&text, ":");
        if (!read_number(&text, 2, 0, 59, &minutes))
            return false;
    }
    *seconds = (hours * 3600 + minutes * 60) * (west ? -1 : 1);
    return !*text;
}

static bool parse(int64_t *us, const char *text, bool date_suffices)
{
    struct civil c = {0};
    int offset = 0;
    int64_t seconds;

    if (!text || !read_date(&text, &c))
        return false;
    if (*text || !date_suffices) {
        if (!read_char(&text, "Tt ") || !read_time(&text, &c) || !read_offset(text, &offset))
            return false;
    }
    seconds = days_from_civil(c.year, c.month, c.day) * SECONDS_PER_DAY + c.hour * 3600 +
              c.minute * 60 + c.second - offset;
    *us = seconds * US_PER_SECOND + c.microsecond;
    return *us >= YEAR_0_US && *us < YEAR_10000_US;
}

bool timestamp_parse(int64_t *us, const char *text)
{
    return parse(us, text, /* date_suffices= */ false);
}

bool timestamp_parse_date(int64_t *us, const char *text)
{
    return parse(us, text, /* date_suffices= */ true);
}
