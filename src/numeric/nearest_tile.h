/*
 * The nearest-centre kernel for one instruction set. Included by nearest.c once for each, after
 * defining
 *
 *     NAME(x)   the name x for this set           V      a vector of LANES floats
 *     LANES     floats in V                       I      a vector of LANES 32-bit integers
 *     TILE_MAX  centres in a tile                 TARGET the function attribute
 *     LOAD STORE SET FMADD SUB MIN MAX            on V
 *     TRANSPOSE(out, stride, row, j, shift)       8 x 8 block of rows into lanes, minus the shift
 *
 * A call handles 2 LANES rows at most. One tile keeps 2 x TILE_MAX accumulators in registers:
 *
 *        rows in lanes          c0   c1   c2  ...        for each column j:
 *     x0 |r0 r1 ... r_L|  ->   acc00 acc01 acc02           acc[v][c] += x[v][j] * centre[j][c]
 *     x1 |r_L+1 ...    |  ->   acc10 acc11 acc12
 *
 * so a column costs 2 loads, TILE broadcasts and 2 TILE multiply-adds.
 */

typedef struct NAME(best) {
    V score[2];
    V second[2];
    I index[2];
} NAME(best);

TARGET static inline __attribute__((always_inline)) void NAME(tile)(
    NAME(best) * best, const float *lanes, const float *packed, const float *half, size_t d,
    uint32_t first, int n_centres, bool with_second)
{
    V acc[2][TILE_MAX];
#pragma GCC unroll 16
    for (int c = 0; c < n_centres; c++) {
        acc[0][c] = SET(-half[c]);
        acc[1][c] = acc[0][c];
    }
    for (size_t j = 0; j < d; j++) {
        const V x0 = LOAD(lanes + j * 2 * LANES);
        const V x1 = LOAD(lanes + j * 2 * LANES + LANES);
#pragma GCC unroll 16
        for (int c = 0; c < n_centres; c++) {
            const V centre = SET(packed[c]);
            acc[0][c]      = FMADD(x0, centre, acc[0][c]);
            acc[1][c]      = FMADD(x1, centre, acc[1][c]);
        }
        packed += n_centres;
    }
#pragma GCC unroll 16
    for (int c = 0; c < n_centres; c++) {
#pragma GCC unroll 2
        for (int v = 0; v < 2; v++) {
            if (with_second) best->second[v] = MAX(best->second[v], MIN(best->score[v], acc[v][c]));
            KEEP_BETTER(best->score[v], best->index[v], acc[v][c], first + (uint32_t)c);
        }
    }
}

/* One copy of the tile for each width, so that accumulators are registers. Rows are read in one
 * burst and worked on for long, so the next ones are asked for between tiles. */
TARGET static void NAME(tiles)(NAME(best) * best, const float *lanes, const clade_centres *centres,
                               uintptr_t ahead, bool with_second)
{
    const size_t n_tiles = (centres->k + TILE_MAX - 1) / TILE_MAX;
    const size_t n_lines = ahead == 0 ? 0 : 2 * LANES * centres->d * sizeof(float) / 64;
    uint32_t     first   = 0;
    for (size_t t = 0; t < n_tiles; t++) {
        for (size_t l = n_lines * t / n_tiles; l < n_lines * (t + 1) / n_tiles; l++) {
            __builtin_prefetch((const void *)(ahead + 64 * l));
        }
        const uint32_t     end    = (uint32_t)(centres->k * (t + 1) / n_tiles);
        const float *const packed = centres->packed + (size_t)first * centres->d;
        const float *const half   = centres->half + first;
        switch (end - first) {
#define CASE(c)                                                                 \
    case c:                                                                     \
        if (with_second) {                                                      \
            NAME(tile)(best, lanes, packed, half, centres->d, first, c, true);  \
        } else {                                                                \
            NAME(tile)(best, lanes, packed, half, centres->d, first, c, false); \
        }                                                                       \
        break;
            CASE(1)
            CASE(2)
            CASE(3)
            CASE(4)
            CASE(5)
            CASE(6)
#if TILE_MAX > 6
            CASE(7)
            CASE(8)
            CASE(9)
            CASE(10)
            CASE(11)
            CASE(12)
#endif
#undef CASE
        default: assert(!"a tile is never wider than TILE_MAX");
        }
        first = end;
    }
}

/* Rows into lanes: lanes[j * 2 LANES + r] = x[row r][j] - shift[j]. Rows that are not there read as
 * the first one, so that lanes hold ordinary numbers. */
TARGET static void NAME(pack)(float *lanes, const float *const *row, const float *shift, size_t d)
{
    size_t j = 0;
    for (; j + 8 <= d; j += 8) {
        for (size_t r = 0; r < 2 * LANES; r += 8) {
            TRANSPOSE(lanes + j * 2 * LANES + r, 2 * LANES, row + r, j, shift + j);
        }
    }
    for (; j < d; j++) {
        for (size_t r = 0; r < 2 * LANES; r++)
            lanes[j * 2 * LANES + r] = row[r][j] - shift[j];
    }
}

/* Answers of up to 2 LANES rows, written at out[at...]. Memory from `ahead` on is fetched
 * meanwhile. */
TARGET static void NAME(nearest)(clade_nearest *out, size_t at, const clade_centres *centres,
                                 const float *const *row, uintptr_t ahead, bool with_second,
                                 float *lanes)
{
    NAME(best) best;
    NAME(pack)(lanes, row, centres->shift, centres->d);
    for (int v = 0; v < 2; v++) {
        best.score[v]  = SET(-INFINITY);
        best.second[v] = SET(-INFINITY);
        best.index[v]  = ZERO_INDEX();
    }
    NAME(tiles)(&best, lanes, centres, ahead, with_second);
    for (size_t v = 0; v < 2; v++) {
        STORE(out->score + at + v * LANES, best.score[v]);
        STORE_INDEX(out->index + at + v * LANES, best.index[v]);
        if (!with_second) continue;

        V norm2 = SET(0.0f);
        for (size_t j = 0; j < centres->d; j++) {
            const V x = LOAD(lanes + j * 2 * LANES + v * LANES);
            norm2     = FMADD(x, x, norm2);
        }
        STORE(out->second + at + v * LANES, best.second[v]);
        STORE(out->norm2 + at + v * LANES, norm2);
    }
}

#undef NAME
#undef V
#undef I
#undef LANES
#undef TILE_MAX
#undef TARGET
#undef LOAD
#undef STORE
#undef SET
#undef FMADD
#undef MIN
#undef MAX
#undef KEEP_BETTER
#undef ZERO_INDEX
#undef STORE_INDEX
#undef TRANSPOSE
