#include "reference.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum { D_MAX = 64, WIDE_MAX = 512, L_MAX = 64 };

static double silu(double x)
{
    return x / (1.0 + exp(-x));
}

static void norm(double *y, const double *x, const double *gain, size_t d)
{
    double sum = 0.0;
    for (size_t j = 0; j < d; j++)
        sum += x[j] * x[j];
    for (size_t j = 0; j < d; j++)
        y[j] = x[j] * gain[j] / sqrt(sum / (double)d + 1e-6);
}

/* y (n) = x (m) W (m, n) */
static void times(double *y, const double *x, const double *w, size_t m, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        y[j] = 0.0;
        for (size_t i = 0; i < m; i++)
            y[j] += x[i] * w[i * n + j];
    }
}

/* The mask of the fast passes, from the same key. */
static void drop(double *x, size_t n, size_t first, float share, uint64_t key)
{
    float *const mask = calloc(first + n, sizeof *mask);
    for (size_t i = 0; i < first + n; i++)
        mask[i] = 1.0f;
    clade_kernels_get()->dropout(mask, first + n, key, 1.0f - share);
    for (size_t i = 0; i < n; i++)
        x[i] *= (double)mask[first + i];
    free(mask);
}

static void attend(double (*o)[D_MAX], double (*p)[WIDE_MAX], size_t n,
                   const clade_behaviour *model, size_t b, const double *theta,
                   const uint8_t *elapsed)
{
    const clade_behaviour_options *const opt = &model->options;
    const clade__block_layout *const     l   = &model->at.block[b];
    const size_t                         d = opt->d, w = d / opt->n_heads;
    for (size_t h = 0; h < opt->n_heads; h++) {
        for (size_t i = 0; i < n; i++) {
            double a[L_MAX], total = 0.0;
            for (size_t j = 0; j <= i; j++) {
                double s = 0.0;
                for (size_t c = 0; c < w; c++)
                    s += p[i][2 * d + h * w + c] * p[j][3 * d + h * w + c];
                s = s / sqrt((double)w) + theta[l->bias_position + h * opt->max_events + i - j];
                if (l->bias_time != SIZE_MAX)
                    s += theta[l->bias_time + h * CLADE__GAP_BUCKETS + elapsed[i * n + j]];
                a[j] = l->mixer == CLADE_MIXER_ATTENTION ? exp(s) : silu(s);
                total += a[j];
            }
            if (l->mixer == CLADE_MIXER_POINTWISE) total = (double)(i + 1);
            for (size_t c = 0; c < w; c++) {
                double *const out = &o[i][h * w + c];
                *out              = 0.0;
                for (size_t j = 0; j <= i; j++)
                    *out += a[j] / total * p[j][d + h * w + c];
            }
        }
    }
}

static void fade(double (*o)[D_MAX], double (*p)[WIDE_MAX], size_t n, const clade_behaviour *model,
                 size_t b, const double *theta, const clade__tokens *tokens, size_t start)
{
    const clade_behaviour_options *const opt = &model->options;
    const clade__block_layout *const     l   = &model->at.block[b];
    const size_t                         d = opt->d, w = d / opt->n_heads, K = opt->n_rates;
    memset(o, 0, n * sizeof *o);
    for (size_t h = 0; h < opt->n_heads; h++) {
        const bool days = model->shape.with_time && h % 2 == 1;
        for (size_t k = 0; k < K; k++) {
            const double share = K == 1 ? 0.5 : (double)k / (double)(K - 1);
            const double half  = 0.5 * pow((double)opt->max_events / 0.5, share);
            const double scale = 1.0 - exp(-log(2.0) / half);
            const double speed = exp(theta[l->rate + h * K + k]);
            for (size_t t = 0; t < n; t++) { /* every pair, no recurrence */
                double gap = 0.0;
                for (size_t s = t + 1; s-- > 0;) {
                    for (size_t c = 0; c < w; c++)
                        o[t][h * w + c] += scale * p[t][2 * d + h * K + k] * exp(-gap * speed) *
                                           p[s][d + h * w + c];
                    gap += days ? (double)tokens->gap_days[start + s] : 1.0;
                }
            }
        }
    }
}

static void block(double (*x)[D_MAX], size_t n, const clade_behaviour *model, size_t b,
                  const double *theta, const clade__tokens *tokens, size_t start,
                  const uint8_t *elapsed, const clade__chance *chance)
{
    static double                        p[L_MAX][WIDE_MAX], o[L_MAX][D_MAX];
    const clade_behaviour_options *const opt = &model->options;
    const clade__block_layout *const     l   = &model->at.block[b];
    const size_t                         d = opt->d, F = opt->ff;
    double                               u[D_MAX], y[D_MAX], wide[WIDE_MAX];
    for (size_t t = 0; t < n; t++) {
        norm(u, x[t], theta + l->norm, d);
        times(p[t], u, theta + l->in, d, l->width);
        for (size_t j = 0; j < l->width; j++)
            p[t][j] += theta[l->in_bias + j];
    }
    if (l->mixer == CLADE_MIXER_DECAY) {
        fade(o, p, n, model, b, theta, tokens, start);
    } else {
        attend(o, p, n, model, b, theta, elapsed);
    }
    for (size_t t = 0; t < n; t++) {
        norm(u, o[t], theta + l->norm_inner, d);
        for (size_t j = 0; j < d; j++)
            u[j] *= silu(p[t][j]);
        times(y, u, theta + l->out, d, d);
        if (chance != NULL && opt->dropout > 0.0f) {
            drop(y, d, (start + t) * d, opt->dropout,
                 chance->key + 0x9E3779B97F4A7C15u * (4 * b + 1));
        }
        for (size_t j = 0; j < d; j++)
            x[t][j] += y[j] * (opt->outer_gate ? 1.0 / (1.0 + exp(-p[t][l->width - d + j])) : 1.0);
        if (F == 0) continue;
        norm(u, x[t], theta + l->norm_ff, d);
        times(wide, u, theta + l->ff_in, d, l->ff_width);
        for (size_t j = 0; j < F; j++)
            wide[j] = silu(wide[j]) * wide[F + j];
        times(y, wide, theta + l->ff_out, F, d);
        if (chance != NULL && opt->dropout > 0.0f) {
            drop(y, d, (start + t) * d, opt->dropout,
                 chance->key + 0x9E3779B97F4A7C15u * (4 * b + 2));
        }
        for (size_t j = 0; j < d; j++)
            x[t][j] += y[j] * (opt->outer_gate ? 1.0 / (1.0 + exp(-wide[2 * F + j])) : 1.0);
    }
}

static void embed(double *x, const clade_behaviour *model, const double *theta,
                  const clade__tokens *tokens, size_t t, const clade__chance *chance)
{
    const clade__layout *const at = &model->at;
    const size_t               d  = model->options.d;
    for (size_t j = 0; j < d; j++) {
        const uint32_t item = tokens->item[t];
        double         sum  = theta[at->item + item * d + j];
        for (size_t a = 0; a < model->shape.n_item_fields; a++)
            sum += theta[at->item_field[a] + model->item_value[a][item] * d + j];
        for (size_t a = 0; a < model->shape.n_fields; a++)
            sum += theta[at->field[a] + tokens->field[a][t] * d + j];
        if (model->shape.with_time) {
            sum += theta[at->gap + tokens->gap[t] * d + j] +
                   theta[at->hour + tokens->hour[t] * d + j] +
                   theta[at->weekday + tokens->weekday[t] * d + j];
        }
        x[j] = sum * sqrt((double)d);
    }
    if (chance != NULL && model->options.dropout_in > 0.0f)
        drop(x, d, t * d, model->options.dropout_in, chance->key ^ 0xE33BEDu);
}

static void unit(double *x, size_t d, double length)
{
    double sum = 0.0;
    for (size_t j = 0; j < d; j++)
        sum += x[j] * x[j];
    for (size_t j = 0; j < d; j++)
        x[j] *= length / sqrt(sum + 1e-12);
}

static double logit(const double *hidden, const clade_behaviour *model, const double *theta,
                    size_t item)
{
    const size_t d = model->options.d;
    double       e[D_MAX], sum = 0.0;
    for (size_t j = 0; j < d; j++) {
        e[j] = theta[model->at.item + item * d + j];
        for (size_t a = 0; a < model->shape.n_item_fields; a++)
            e[j] += theta[model->at.item_field[a] + model->item_value[a][item] * d + j];
    }
    if (model->options.temperature > 0.0f) unit(e, d, 1.0);
    for (size_t j = 0; j < d; j++)
        sum += hidden[j] * e[j];
    return sum;
}

/* h at the end of a silence: one row for every step of it. */
static void wait(double *h, const clade_behaviour *model, const double *theta, uint8_t bucket)
{
    const size_t d = model->options.d;
    if (model->at.silence == SIZE_MAX) return;
    for (size_t j = 0; j < d; j++) {
        double factor = 1.0, shift = 0.0;
        for (size_t k = 1; k <= bucket; k++) {
            factor += theta[model->at.silence + k * 2 * d + j] / 8.0;
            shift += theta[model->at.silence + k * 2 * d + d + j] / 8.0;
        }
        h[j] = h[j] * factor + shift;
    }
}

/* Minus the log of the chance that what came of it was to come. */
static double doubt(const double *h, const clade_behaviour *model, const double *theta,
                    uint8_t returns)
{
    const size_t d = model->options.d;
    double       r = theta[model->at.comes_back + d];
    if (returns == CLADE__RETURN_UNASKED) return 0.0;
    for (size_t j = 0; j < d; j++)
        r += h[j] * theta[model->at.comes_back + j];
    return log(1.0 + exp(returns == CLADE__RETURN_YES ? -r : r));
}

/* What item i, seen before token t of the customer that begins at start, gets beside. */
static double own_addition(const double *hidden, const clade_behaviour *model, const double *theta,
                           const clade__tokens *tokens, size_t start, size_t t, uint32_t item)
{
    static const size_t ranks[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 24, 32, 48, 64, 128 };
    static const size_t counts[8] = { 1, 2, 3, 4, 5, 7, 10, 20 };
    const double *const own       = theta + model->at.own;
    size_t              last = SIZE_MAX, count = 0, rank = 0, r = 15, c = 7;
    double              sum = 0.0;
    for (size_t j = start; j <= t; j++) {
        if (tokens->item[j] == item) last = j, count++;
    }
    if (count == 0) return 0.0;
    for (size_t j = last + 1; j <= t; j++) { /* other items since then, each once */
        bool again = tokens->item[j] == 0;
        for (size_t k = j + 1; k <= t; k++)
            again = again || tokens->item[k] == tokens->item[j];
        rank += !again;
    }
    while (ranks[r] > rank)
        r--;
    while (counts[c] > count)
        c--;
    sum = own[r] + own[16 + c];
    for (size_t j = 0; j < model->options.d; j++)
        sum += hidden[j] * own[88 + j];
    if (tokens->at_us == NULL) return sum;
    for (size_t b = 1; b <= clade__gap_bucket(tokens->asked_us[t] - tokens->at_us[last]); b++)
        sum += own[24 + b] / 8.0;
    return sum;
}

/* The same with what own items get. */
static double surprise_with_own(const double *hidden, const clade_behaviour *model,
                                const double *theta, const clade__tokens *tokens, size_t start,
                                size_t t)
{
    double sum = 0.0, came = 0.0;
    if (tokens->target[t] == 0) return 0.0;
    for (uint32_t i = 1; i <= model->shape.n_items; i++) {
        const double l = logit(hidden, model, theta, i) +
                         own_addition(hidden, model, theta, tokens, start, t, i);
        sum += exp(l);
        if (i == tokens->target[t]) came = l;
    }
    return log(sum) - came;
}

/* Minus the log of the chance of the item that came; 0 where nothing is asked. */
static double surprise(const double *hidden, const clade_behaviour *model, const double *theta,
                       uint32_t target)
{
    double sum = 0.0;
    if (target == 0) return 0.0;
    for (size_t i = 1; i <= model->shape.n_items; i++)
        sum += exp(logit(hidden, model, theta, i));
    return log(sum) - logit(hidden, model, theta, target);
}

/* The direction of the summed vectors of a cut's items. */
static void future_of(double *f, const clade_behaviour *model, const double *theta,
                      const clade__contrast *c, size_t cut)
{
    const size_t d = model->options.d;
    double       e[D_MAX];
    memset(f, 0, d * sizeof *f);
    for (size_t i = 0; i < c->n_items[cut]; i++) {
        const uint32_t item = c->item[cut * CLADE__CUT_ITEMS + i];
        for (size_t j = 0; j < d; j++) {
            e[j] = theta[model->at.item + item * d + j];
            for (size_t a = 0; a < model->shape.n_item_fields; a++)
                e[j] += theta[model->at.item_field[a] + model->item_value[a][item] * d + j];
        }
        if (model->options.temperature > 0.0f) unit(e, d, 1.0);
        for (size_t j = 0; j < d; j++)
            f[j] += e[j];
    }
    unit(f, d, 1.0);
}

/* How surprising the window of a cut is beside those of other customers; h the output there. */
static double odds(const double *h, const clade_behaviour *model, const double *theta,
                   const clade__contrast *c, size_t cut)
{
    const size_t d = model->options.d;
    double       q[D_MAX], f[D_MAX], sum = 0.0, own = 0.0;
    times(q, h, theta + model->at.contrast, d, d);
    unit(q, d, 1.0 / (double)model->options.contrast_temperature);
    for (size_t k = 0; k < c->n; k++) {
        double dot = 0.0;
        if (k != cut && c->customer[k] == c->customer[cut]) continue;
        future_of(f, model, theta, c, k);
        for (size_t j = 0; j < d; j++)
            dot += q[j] * f[j];
        sum += exp(dot);
        if (k == cut) own = dot;
    }
    return log(sum) - own;
}

double reference_loss(double *out_hidden, const clade_behaviour *model, const double *theta,
                      const clade__tokens *tokens, const clade__chance *chance,
                      const clade__contrast *contrast)
{
    static double  x[L_MAX][D_MAX];
    const size_t   d       = model->options.d;
    const uint8_t *elapsed = tokens->elapsed;
    double         loss    = 0.0;
    for (size_t c = 0; c < tokens->n_seqs; c++) {
        const size_t start = tokens->start[c], n = tokens->start[c + 1] - start;
        assert(n <= L_MAX && d <= D_MAX);
        for (size_t t = 0; t < n; t++)
            embed(x[t], model, theta, tokens, start + t, chance);
        for (size_t b = 0; b < model->options.n_blocks; b++)
            block(x, n, model, b, theta, tokens, start, elapsed, chance);
        for (size_t t = 0; t < n; t++) {
            double h[D_MAX], y[D_MAX];
            norm(h, x[t], theta + model->at.norm_out, d);
            wait(h, model, theta, tokens->silence == NULL ? 0 : tokens->silence[start + t]);
            memcpy(y, h, d * sizeof *y);
            if (model->at.comes_back != SIZE_MAX)
                loss += 1.3 * doubt(h, model, theta, tokens->returns[start + t]);
            for (size_t k = 0; k < tokens->n_cuts; k++) {
                if (tokens->cut[k].token == start + t)
                    loss += 0.9 * odds(h, model, theta, contrast, tokens->cut[k].index);
            }
            if (model->options.temperature > 0.0f)
                unit(h, d, 1.0 / (double)model->options.temperature);
            if (out_hidden != NULL) memcpy(out_hidden + (start + t) * d, h, d * sizeof *h);
            loss += (double)tokens->weight[start + t] *
                    (model->at.own == SIZE_MAX
                         ? surprise(h, model, theta, tokens->target[start + t])
                         : surprise_with_own(h, model, theta, tokens, start, start + t));
            if (model->at.future == SIZE_MAX) continue;
            times(h, y, theta + model->at.future, d, d);
            if (model->options.temperature > 0.0f)
                unit(h, d, 1.0 / (double)model->options.temperature);
            loss += (double)tokens->weight[start + t] *
                    surprise(h, model, theta, tokens->future[start + t]);
        }
        if (elapsed != NULL) elapsed += n * n;
    }
    return loss;
}
