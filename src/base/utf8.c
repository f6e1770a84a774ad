/* UTF-8: validity, code points and the width of text on a terminal. */
#include "clade/text.h"

size_t clade_utf8_decode(uint32_t *out_point, const char *data, size_t size)
{
    const unsigned char *s = (const unsigned char *)data;
    uint32_t             point;
    size_t               n;

    if (size == 0) return 0;
    if (s[0] < 0x80) {
        *out_point = s[0];
        return 1;
    }
    if (s[0] >= 0xC2 && s[0] <= 0xDF) {
        n     = 2;
        point = s[0] & 0x1Fu;
    } else if ((s[0] & 0xF0) == 0xE0) {
        n     = 3;
        point = s[0] & 0x0Fu;
    } else if (s[0] >= 0xF0 && s[0] <= 0xF4) {
        n     = 4;
        point = s[0] & 0x07u;
    } else {
        return 0;
    }
    if (size < n) return 0;
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80) return 0;
        point = point << 6 | (s[i] & 0x3Fu);
    }
    if (n == 3 && (point < 0x800 || (point >= 0xD800 && point <= 0xDFFF))) return 0;
    if (n == 4 && (point < 0x10000 || point > 0x10FFFF)) return 0;
    *out_point = point;
    return n;
}

size_t clade_utf8_valid(const char *data, size_t size)
{
    size_t i = 0;
    while (i < size) {
        uint64_t eight;
        if (size - i >= sizeof eight) { /* Most text is ASCII: eight bytes at a time. */
            memcpy(&eight, data + i, sizeof eight);
            if ((eight & UINT64_C(0x8080808080808080)) == 0) {
                i += sizeof eight;
                continue;
            }
        }
        uint32_t     point;
        const size_t n = clade_utf8_decode(&point, data + i, size - i);
        if (n == 0) return i;
        i += n;
    }
    return size;
}

size_t clade_utf8_encode(char out[4], uint32_t point)
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (char)(0xC0 | point >> 6);
        out[1] = (char)(0x80 | (point & 0x3F));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (char)(0xE0 | point >> 12);
        out[1] = (char)(0x80 | (point >> 6 & 0x3F));
        out[2] = (char)(0x80 | (point & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | point >> 18);
    out[1] = (char)(0x80 | (point >> 12 & 0x3F));
    out[2] = (char)(0x80 | (point >> 6 & 0x3F));
    out[3] = (char)(0x80 | (point & 0x3F));
    return 4;
}

/* East Asian wide and full-width blocks (Unicode Annex 11, by block: enough for tables). */
static bool is_wide(uint32_t c)
{
    return (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0x303E) ||
           (c >= 0x3041 && c <= 0xA4CF) || (c >= 0xAC00 && c <= 0xD7A3) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE6F) ||
           (c >= 0xFF00 && c <= 0xFF60) || (c >= 0xFFE0 && c <= 0xFFE6) ||
           (c >= 0x1F300 && c <= 0x1F64F) || (c >= 0x1F900 && c <= 0x1F9FF) ||
           (c >= 0x20000 && c <= 0x3FFFD);
}

static bool is_combining(uint32_t c)
{
    return (c >= 0x300 && c <= 0x36F) || (c >= 0x200B && c <= 0x200F) ||
           (c >= 0x20D0 && c <= 0x20FF) || (c >= 0xFE00 && c <= 0xFE0F);
}

size_t clade_utf8_width(const char *text)
{
    size_t       width = 0;
    const size_t size  = strlen(text);
    for (size_t i = 0; i < size;) {
        uint32_t     point = 0;
        const size_t n     = clade_utf8_decode(&point, text + i, size - i);
        if (n == 0) { /* An invalid byte is shown as one replacement mark. */
            width += 1;
            i += 1;
            continue;
        }
        i += n;
        if (point < 0x20 || is_combining(point)) continue;
        width += is_wide(point) ? 2 : 1;
    }
    return width;
}
