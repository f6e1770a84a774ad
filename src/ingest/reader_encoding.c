/* Which encoding a text is in, and the way from there to UTF-8. Shops export UTF-8 (with and
 * without a byte order mark), UTF-16 (Excel's "Unicode text"), GBK (Excel on a Chinese Windows) and
 * windows-1252. UTF-8 is passed through; the others cost one pass, a block at a time. */
#include "reader_parts.h"

#include <errno.h>
#include <iconv.h>

const char *clade__encoding_name(clade__encoding encoding)
{
    static const char *const name[] = { "UTF-8", "UTF-16LE", "UTF-16BE", "GB18030",
                                        "windows-1252" };
    return name[encoding];
}

/* UTF-16 without a mark: in shop data most characters of a header are ASCII, so one byte of each
 * pair is zero and the other is not. */
static bool looks_like_utf16(bool *out_big, const unsigned char *data, size_t size)
{
    const size_t n_pairs = (size > 4096 ? 4096 : size) / 2;
    size_t       zero[2] = { 0, 0 };
    if (n_pairs < 2) return false;
    for (size_t i = 0; i < n_pairs; i++) {
        zero[0] += data[2 * i] == 0;
        zero[1] += data[2 * i + 1] == 0;
    }
    *out_big = zero[0] > zero[1];
    return (zero[0] > n_pairs * 4 / 10 && zero[1] <= n_pairs / 20) ||
           (zero[1] > n_pairs * 4 / 10 && zero[0] <= n_pairs / 20);
}

/* GBK pairs bytes: a lead of 0x81..0xfe and a trail of 0x40..0xfe. Nearly all Chinese in use is in
 * the GB 2312 part of it (lead 0xa1..0xf7, trail 0xa1..0xfe), while accented letters of
 * windows-1252 stand alone between ASCII letters, which as GBK would fall outside of that part. */
static bool looks_like_gbk(const unsigned char *data, size_t size)
{
    size_t n_common = 0, n_other = 0;
    for (size_t i = 0; i < size;) {
        if (data[i] < 0x80) {
            i++;
            continue;
        }
        if (i + 1 >= size) break;
        const unsigned char lead = data[i], trail = data[i + 1];
        if (i + 3 < size && lead >= 0x81 && lead <= 0xfe && trail >= 0x30 && trail <= 0x39) {
            i += 4; /* the four-byte part of GB18030 */
            n_other++;
            continue;
        }
        if (lead == 0x80 || lead == 0xff || trail < 0x40 || trail == 0x7f || trail == 0xff) {
            n_other += 4; /* not GBK at all; a cut or broken byte may still happen */
            i++;
            continue;
        }
        const bool common =
            ((lead >= 0xa1 && lead <= 0xa9) || (lead >= 0xb0 && lead <= 0xf7)) && trail >= 0xa1;
        n_common += common;
        n_other += !common;
        i += 2;
    }
    return n_common > 0 && n_common >= 3 * n_other;
}

/* Well-formed UTF-8 sequences against bytes that fit none. A few broken bytes in a large UTF-8 file
 * make bad rows, and not another encoding. */
static bool looks_like_utf8(const unsigned char *data, size_t size)
{
    size_t n_good = 0, n_bad = 0;
    for (size_t i = 0; i < size;) {
        if (data[i] < 0x80) {
            i++;
            continue;
        }
        uint32_t     point;
        const size_t length = clade_utf8_decode(&point, (const char *)data + i, size - i);
        if (length == 0) {
            const size_t want = data[i] >= 0xf0 ? 4 : data[i] >= 0xe0 ? 3 : 2;
            if (i + want > size) break; /* cut by the end of the sample */
            n_bad++;
            i++;
        } else {
            n_good++;
            i += length;
        }
    }
    return n_bad == 0 || n_good >= 8 * n_bad;
}

clade__encoding clade__encoding_guess(size_t *out_bom, const char *text, size_t size)
{
    const unsigned char *const data = (const unsigned char *)text;
    bool                       big  = false;

    *out_bom = 0;
    if (size >= 3 && data[0] == 0xef && data[1] == 0xbb && data[2] == 0xbf) {
        *out_bom = 3;
        return CLADE__UTF8;
    }
    if (size >= 2 &&
        ((data[0] == 0xff && data[1] == 0xfe) || (data[0] == 0xfe && data[1] == 0xff))) {
        *out_bom = 2;
        return data[0] == 0xff ? CLADE__UTF16LE : CLADE__UTF16BE;
    }
    if (looks_like_utf16(&big, data, size)) return big ? CLADE__UTF16BE : CLADE__UTF16LE;
    if (looks_like_utf8(data, size)) return CLADE__UTF8;
    return looks_like_gbk(data, size) ? CLADE__GB18030 : CLADE__WINDOWS1252;
}

clade_status clade__decoder_open(clade__decoder *decoder, clade__encoding encoding,
                                 clade_error *err)
{
    clade__decoder_close(decoder);
    *decoder = (clade__decoder){ .encoding = encoding };
    if (encoding == CLADE__GB18030) {
        const iconv_t converter = iconv_open("UTF-8", "GB18030");
        if (converter == (iconv_t)-1) {
            return clade_fail(err, CLADE_ERR_ENGINE,
                              "this system's iconv cannot convert GB18030: %s", strerror(errno));
        }
        decoder->iconv = converter;
    }
    return CLADE_OK;
}

void clade__decoder_close(clade__decoder *decoder)
{
    if (decoder->iconv != NULL) iconv_close(decoder->iconv);
    decoder->iconv = NULL;
}

size_t clade__decoder_room(size_t size)
{
    return 3 * (size + sizeof(((clade__decoder *)NULL)->carry)) + 8;
}

/* Bytes 0x80..0x9f of windows-1252; the five that it leaves free stay control characters. */
static const uint16_t windows_1252[32] = {
    0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x008d, 0x017d, 0x008f, 0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x009d, 0x017e, 0x0178,
};

static size_t run_windows_1252(char *out, const unsigned char *data, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < size; i++) {
        const unsigned char c = data[i];
        if (c < 0x80) {
            out[n++] = (char)c;
        } else {
            n += clade_utf8_encode(out + n, c < 0xa0 ? windows_1252[c - 0x80] : c);
        }
    }
    return n;
}

static size_t run_utf16(char *out, clade__decoder *decoder, const unsigned char *data, size_t size)
{
    const bool big = decoder->encoding == CLADE__UTF16BE;
    size_t     n   = 0;
    for (size_t i = 0; i < size;) {
        decoder->carry[decoder->n_carry++] = data[i++];
        if (decoder->n_carry < 2) continue;
        decoder->n_carry    = 0;
        const uint32_t unit = big ? (uint32_t)decoder->carry[0] << 8 | decoder->carry[1]
                                  : (uint32_t)decoder->carry[1] << 8 | decoder->carry[0];
        if (decoder->high != 0) {
            const uint32_t high = decoder->high;
            decoder->high       = 0;
            if (unit >= 0xdc00 && unit <= 0xdfff) {
                n +=
                    clade_utf8_encode(out + n, 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00));
                continue;
            }
            out[n++] = CLADE__UNDECODABLE;
        }
        if (unit >= 0xd800 && unit <= 0xdbff) {
            decoder->high = unit;
        } else if (unit >= 0xdc00 && unit <= 0xdfff) {
            out[n++] = CLADE__UNDECODABLE;
        } else if (unit < 0x80) {
            out[n++] = (char)unit;
        } else {
            n += clade_utf8_encode(out + n, unit);
        }
    }
    return n;
}

/* Convert [data, data + size) and keep what is cut at its end. */
static size_t run_iconv(char *out, clade__decoder *decoder, const char *data, size_t size)
{
    char  *from = (char *)(uintptr_t)data;
    char  *to   = out;
    size_t room = clade__decoder_room(size);
    while (size > 0) {
        if (iconv(decoder->iconv, &from, &size, &to, &room) != (size_t)-1) break;
        if (errno == EINVAL && size < sizeof decoder->carry) { /* cut: wait for the rest */
            memcpy(decoder->carry, from, size);
            decoder->n_carry = size;
            break;
        }
        *to++ = CLADE__UNDECODABLE;
        room--;
        from++;
        size--;
    }
    return (size_t)(to - out);
}

static size_t run_gb18030(char *out, clade__decoder *decoder, const char *data, size_t size)
{
    size_t n = 0;
    /* Complete the character that the last piece cut, a byte at a time. */
    while (decoder->n_carry > 0 && size > 0) {
        char         piece[sizeof decoder->carry];
        const size_t n_piece = decoder->n_carry + 1;
        memcpy(piece, decoder->carry, decoder->n_carry);
        piece[decoder->n_carry] = *data++;
        size--;
        decoder->n_carry = 0;
        n += run_iconv(out + n, decoder, piece, n_piece);
    }
    return n + run_iconv(out + n, decoder, data, size);
}

size_t clade__decoder_run(char *out, clade__decoder *decoder, const char *data, size_t size)
{
    if (size == 0) { /* the end: half a character is none */
        const bool cut   = decoder->n_carry > 0 || decoder->high != 0;
        decoder->n_carry = 0;
        decoder->high    = 0;
        if (cut) out[0] = CLADE__UNDECODABLE;
        return cut;
    }
    switch (decoder->encoding) {
    case CLADE__UTF16LE:
    case CLADE__UTF16BE: return run_utf16(out, decoder, (const unsigned char *)data, size);
    case CLADE__GB18030: return run_gb18030(out, decoder, data, size);
    case CLADE__WINDOWS1252: return run_windows_1252(out, (const unsigned char *)data, size);
    case CLADE__UTF8: break;
    }
    memcpy(out, data, size);
    return size;
}
