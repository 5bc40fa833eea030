#include "text.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

size_t utf8_char(const char *s, size_t n)
{
    const unsigned char *p = (const unsigned char *)s;
    if (n == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    size_t k = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc2 ? 2 : 0;
    if (k == 0 || p[0] > 0xf4 || n < k)
        return 0;
    for (size_t i = 1; i < k; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
        (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return k;
}

/* The length of what stands at s; 0: a byte that a terminal must not get. */
static size_t harmless_char(const char *s, size_t n)
{
    unsigned char c = (unsigned char)*s;
    size_t k = utf8_char(s, n);
    return c < 0x20 || c == 0x7f || (k == 2 && c == 0xc2 && (unsigned char)s[1] < 0xa0) ? 0 : k;
}

void text_harmless(const char *s, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n;) {
        size_t k = harmless_char(s + i, n - i);
        if (k)
            buf_add(out, s + i, k);
        else
            buf_addc(out, s[i] == '\t' ? ' ' : '?');
        k = k ? k : utf8_char(s + i, n - i);
        i += k ? k : 1;
    }
}

const char *harmless_text(struct arena *a, const char *s)
{
    size_t n = s ? strlen(s) : 0, i = 0;
    for (size_t k; i < n && (k = harmless_char(s + i, n - i)); i += k)
        ;
    if (i == n)
        return s ? s : "";
    struct buf b = {0};
    text_harmless(s, n, &b);
    const char *text = arena_strdup(a, buf_str(&b));
    buf_free(&b);
    return text;
}

int int_parse(const char *s, int64_t *ret)
{
    const char *digits = *s == '-' || *s == '+' ? s + 1 : s;
    if (*digits < '0' || *digits > '9')
        return -EINVAL;
    char *end;
    errno = 0;
    long long v = strtoll(s, &end, 10);
    if (errno || *end)
        return -EINVAL;
    *ret = v;
    return 0;
}

/* A whole number at *s, which is moved behind it. */
static int digits_parse(const char **s, int64_t *ret)
{
    if (**s < '0' || **s > '9')
        return -EINVAL;
    char *end;
    errno = 0;
    long long v = strtoll(*s, &end, 10);
    if (errno)
        return -EINVAL;
    *s = end;
    *ret = v;
    return 0;
}

int size_parse(const char *s, int64_t *ret)
{
    int64_t v;
    if (digits_parse(&s, &v) < 0)
        return -EINVAL;
    int shift = 0;
    switch (*s) {
    case 'T':
    case 't':
        shift = 40;
        s++;
        break;
    case 'G':
    case 'g':
        shift = 30;
        s++;
        break;
    case 'M':
    case 'm':
        shift = 20;
        s++;
        break;
    case 'K':
    case 'k':
        shift = 10;
        s++;
        break;
    default:
        break;
    }
    if (*s || v > (INT64_MAX >> shift))
        return -EINVAL;
    *ret = v * ((int64_t)1 << shift);
    return 0;
}

char *size_text(struct arena *a, int64_t bytes)
{
    static const char units[] = "KMGT";
    int k = 0;
    while (k < 4 && bytes && bytes % 1024 == 0) {
        bytes /= 1024;
        k++;
    }
    return k ? arena_printf(a, "%lld%c", (long long)bytes, units[k - 1])
             : arena_printf(a, "%lld", (long long)bytes);
}

static const struct {
    char unit;
    int64_t seconds;
} duration_units[] = {{'y', 31536000}, {'w', 604800}, {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
#define DURATION_UNITS (sizeof duration_units / sizeof *duration_units)

int duration_parse(const char *s, int64_t *ret)
{
    int64_t total = 0;
    if (!*s)
        return -EINVAL;
    while (*s) {
        int64_t v, unit = 0;
        if (digits_parse(&s, &v) < 0)
            return -EINVAL;
        for (size_t i = 0; i < DURATION_UNITS; i++)
            if (*s == duration_units[i].unit)
                unit = duration_units[i].seconds;
        if (!unit || v > (INT64_MAX - total) / unit)
            return -EINVAL;
        total += v * unit;
        s++;
    }
    *ret = total;
    return 0;
}

char *duration_text(struct arena *a, int64_t seconds)
{
    if (seconds <= 0)
        return arena_strdup(a, "0s");
    for (size_t i = 0; i < DURATION_UNITS; i++)
        if (seconds % duration_units[i].seconds == 0)
            return arena_printf(a, "%lld%c", (long long)(seconds / duration_units[i].seconds),
                                duration_units[i].unit);
    return NULL;
}

char *space_text(struct arena *a, int64_t bytes)
{
    static const char *const units[] = {"B", "KB", "MB", "GB", "TB"};
    size_t u = 0;
    int64_t tenths = bytes * 10;
    for (; tenths >= 10240 && u < sizeof units / sizeof *units - 1; u++)
        tenths /= 1024;
    if (u == 0 || tenths >= 1000)
        return arena_printf(a, "%lld %s", (long long)(tenths / 10), units[u]);
    return arena_printf(a, "%lld.%lld %s", (long long)(tenths / 10), (long long)(tenths % 10), units[u]);
}

char *time_text(struct arena *a, int64_t unix_seconds)
{
    struct tm tm;
    char text[32] = "";
    time_t at = (time_t)unix_seconds;
    if (localtime_r(&at, &tm))
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
    return arena_strdup(a, text);
}

char *date_text(struct arena *a, int64_t unix_seconds)
{
    char *text = time_text(a, unix_seconds);
    text[strcspn(text, " ")] = '\0';
    return text;
}

int version_compare(const char *a, const char *b)
{
    while (*a || *b) {
        char *ea, *eb;
        unsigned long x = strtoul(a, &ea, 10), y = strtoul(b, &eb, 10);
        if (x != y)
            return x < y ? -1 : 1;
        if (ea == a && eb == b && *a != *b)
            return *a < *b ? -1 : 1;
        a = *ea ? ea + 1 : ea;
        b = *eb ? eb + 1 : eb;
    }
    return 0;
}

static size_t edit_distance(const char *a, const char *b)
{
    size_t row[65], n = strlen(b), la = strlen(a);
    if (n > 64 || la > 64)
        return 99;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t old = row[j], best = diagonal + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
            diagonal = old;
        }
    }
    return row[n];
}

const char *near_name(const char *word, const char *const *names, size_t n)
{
    const char *best = NULL;
    size_t limit = strlen(word) / 3 + 1, least = limit + 1;
    for (size_t i = 0; i < n; i++) {
        size_t d = edit_distance(word, names[i]);
        if (d < least && d < strlen(names[i])) {
            least = d;
            best = names[i];
        }
    }
    return best;
}

bool starts_with(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool ends_with(const char *s, const char *suffix)
{
    size_t n = strlen(s), k = strlen(suffix);
    return n >= k && strcmp(s + n - k, suffix) == 0;
}

bool path_below(const char *path, const char *dir)
{
    size_t n = strlen(dir);
    return path && strncmp(path, dir, n) == 0 && path[n] == '/';
}
