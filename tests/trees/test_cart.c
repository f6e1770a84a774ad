/* The single tree: hand cases, a naive tree that tries every split, and laws of its rules. */
#include "check.h"
#include "clade/run.h"
#include "clade/trees.h"
#include "models/trees/cart.h"

#include <stdlib.h>

enum { N = 400, P = 5 };

/* Columns with few and many values, absences in two of them; targets that depend on some. */
typedef struct sample {
    float   value[N * P];
    float   target[N * 2];
    int32_t label[N];
    float   weight[N];
} sample;

static void make_sample(sample *s, uint64_t seed)
{
    clade_rng rng = clade_rng_stream(seed, "tests/cart", 0);
    for (size_t i = 0; i < N; i++) {
        float *x = s->value + i * P;
        x[0]     = (float)clade_rng_below(&rng, 6);
        x[1]     = (float)clade_rng_normal(&rng);
        x[2]     = clade_rng_uniform(&rng) < 0.3 ? NAN : (float)clade_rng_exponential(&rng);
        x[3]     = (float)clade_rng_uniform(&rng);
        x[4]     = clade_rng_uniform(&rng) < 0.1 ? NAN : (float)clade_rng_below(&rng, 3);

        const double base    = x[0] > 2 ? 1.7 : -0.4;
        const double missing = isnan(x[2]) ? 2.385 : x[2] > 1 ? 0.6 : 0;
        s->target[2 * i]     = (float)(base + missing + 0.3 * clade_rng_normal(&rng));
        s->target[2 * i + 1] = (float)(x[1] > 0.2f ? 1.3 : 0.2 * clade_rng_normal(&rng));
        s->label[i]          = (int32_t)(isnan(x[4]) ? 2 : x[0] > 3 ? 1 : x[1] > 0);
        s->weight[i]         = (float)(0.25 + clade_rng_uniform(&rng));
    }
}

static clade_tree_data data_of(const sample *s)
{
    return (clade_tree_data){ .value     = s->value,
                              .n_rows    = N,
                              .n_columns = P,
                              .target    = s->target,
                              .n_targets = 2,
                              .weight    = s->weight };
}

static void check_same(const clade_tree *a, const clade_tree *b)
{
    assert_int_equal(a->n_nodes, b->n_nodes);
    assert_int_equal(a->n_leaves, b->n_leaves);
    for (size_t i = 0; i < a->n_nodes; i++) {
        const clade_tree_node *x = &a->node[i], *y = &b->node[i];
        assert_int_equal(x->column, y->column);
        assert_int_equal(x->left, y->left);
        assert_int_equal(x->parent, y->parent);
        assert_int_equal(x->leaf, y->leaf);
        assert_int_equal(x->nan_left, y->nan_left);
        assert_int_equal(x->saw_nan, y->saw_nan);
        assert_int_equal(x->n_rows, y->n_rows);
        assert_true(x->cut == y->cut && x->gain == y->gain && x->weight == y->weight);
    }
    assert_memory_equal(a->mean, b->mean, a->n_nodes * a->n_targets * sizeof a->mean[0]);
}

/* x: 1 2 3 7 9 11, y: 1.5 1.5 1.5 4 4 6.25. Mean 3.125, squared error around it 3 * 1.625^2 + 2 *
 * 0.875^2 + 3.125^2 = 19.21875. The first split is between 3 and 7: means 1.5 and 4.75, error left
 * 0 + 2 * 0.75^2 + 1.5^2 = 3.375. The second is between 9 and 11 and leaves none. */
static void a_tree_of_six_rows_matches_the_case_worked_by_hand(void **state)
{
    (void)state;
    const float           x[6] = { 1, 2, 3, 7, 9, 11 };
    const float           y[6] = { 1.5f, 1.5f, 1.5f, 4, 4, 6.25f };
    const clade_tree_data data = {
        .value = x, .n_rows = 6, .n_columns = 1, .target = y, .n_targets = 1
    };
    clade_tree_options options = clade_tree_defaults();
    clade_tree        *tree    = NULL;
    options.min_leaf           = 1;

    check_ok(clade_tree_fit(&tree, &data, &options, NULL));
    assert_int_equal(tree->n_leaves, 3);
    assert_int_equal(tree->n_nodes, 5);
    check_close(tree->node[0].cut, 5, 0); /* (3, 7] holds 4 to 7; 5 is nearest to the middle */
    check_close(tree->node[0].gain, (19.21875 - 3.375) / 19.21875, 1e-12);
    check_close(tree->node[2].cut, 10, 0);
    check_close(tree->node[2].gain, 3.375 / 19.21875, 1e-12);
    check_close(clade_tree_leaf_mean(tree, 0)[0], 1.5, 1e-7);
    check_close(clade_tree_leaf_mean(tree, 1)[0], 4, 1e-7);
    check_close(clade_tree_leaf_mean(tree, 2)[0], 6.25, 1e-7);
    assert_int_equal(clade_tree_leaf(tree, 1)->n_rows, 2);

    const char *const names[] = { "orders" };
    clade_buffer      text    = { 0 };
    clade_rule_term   terms[2];
    const size_t      n = clade_tree_rule(terms, tree, 1);
    clade_rule_print(&text, terms, n, names);
    assert_string_equal(text.data, "orders >= 5 and orders < 10");
    clade_buffer_free(&text);
    clade_tree_free(tree);
}

/* ---------------------------------------------------------------- a naive second implementation */

typedef struct naive_split {
    double gain;
    size_t column;
    float  low; /* rows with value <= low go left */
    bool   nan_left;
} naive_split;

static double naive_error(const sample *s, const bool *in, size_t t)
{
    double w = 0, wy = 0, wyy = 0;
    for (size_t i = 0; i < N; i++) {
        if (!in[i]) continue;
        const double weight = s->weight[i], y = s->target[2 * i + t];
        w += weight;
        wy += weight * y;
        wyy += weight * y * y;
    }
    return w > 0 ? wyy - wy * wy / w : 0;
}

static double naive_gain(const sample *s, const bool *in, const bool *left, size_t min_leaf)
{
    bool   a[N], b[N];
    size_t n_a = 0, n_b = 0;
    double gain = 0;
    for (size_t i = 0; i < N; i++) {
        a[i] = in[i] && left[i];
        b[i] = in[i] && !left[i];
        n_a += a[i];
        n_b += b[i];
    }
    if (n_a < min_leaf || n_b < min_leaf) return -1;
    for (size_t t = 0; t < 2; t++) {
        gain += naive_error(s, in, t) - naive_error(s, a, t) - naive_error(s, b, t);
    }
    return gain;
}

/* The best gain over every column, every value as the last one of the left side, and both ways for
 * absence; +INFINITY as that value sends everything known left. */
static double naive_best(const sample *s, const bool *in, size_t min_leaf)
{
    double best = 0;
    for (size_t k = 0; k < P; k++) {
        for (size_t r = 0; r <= N; r++) {
            const float last = r == N ? INFINITY : s->value[r * P + k];
            if (isnan(last) || (r < N && !in[r])) continue;
            for (int nan_left = 0; nan_left < 2; nan_left++) {
                bool left[N];
                for (size_t i = 0; i < N; i++) {
                    const float v = s->value[i * P + k];
                    left[i]       = isnan(v) ? nan_left : v <= last;
                }
                const double gain = naive_gain(s, in, left, min_leaf);
                if (gain > best) best = gain;
            }
        }
    }
    return best;
}

static void every_split_gains_as_much_as_the_best_that_a_naive_search_finds(void **state)
{
    (void)state;
    static sample s;
    make_sample(&s, 11);
    const clade_tree_data data    = data_of(&s);
    clade_tree_options    options = clade_tree_defaults();
    clade_tree           *tree    = NULL;
    bool                  in[N];
    options.max_bin    = 1024; /* every gap between values is a cut */
    options.min_leaf   = 17;
    options.max_leaves = 5;

    check_ok(clade_tree_fit(&tree, &data, &options, NULL));
    for (size_t i = 0; i < N; i++)
        in[i] = true;
    const double root = naive_error(&s, in, 0) + naive_error(&s, in, 1);

    /* Follow each node's rows by hand and search among them. */
    for (size_t node = 0; node < tree->n_nodes; node++) {
        if (tree->node[node].column < 0) continue;
        size_t n = 0;
        for (size_t i = 0; i < N; i++) {
            int32_t at = 0;
            while (at != (int32_t)node && tree->node[at].column >= 0) {
                const clade_tree_node *q = &tree->node[at];
                const float            v = s.value[i * P + (size_t)q->column];
                at                       = q->left + !(isnan(v) ? q->nan_left : v < q->cut);
            }
            in[i] = at == (int32_t)node;
            n += in[i];
        }
        assert_int_equal(n, tree->node[node].n_rows);
        check_close(tree->node[node].gain, naive_best(&s, in, options.min_leaf) / root, 1e-10);
    }
    clade_tree_free(tree);
}

/* ---------------------------------------------------------------- laws */

static void a_row_is_in_a_leaf_exactly_when_its_rule_holds(void **state)
{
    (void)state;
    static sample s, other;
    make_sample(&s, 3);
    make_sample(&other, 4);
    const clade_tree_data data    = data_of(&s);
    clade_tree_options    options = clade_tree_defaults();
    clade_tree           *tree    = NULL;
    uint32_t              leaf[N];
    clade_rule_term       terms[16];
    options.min_leaf = 5;
    options.min_gain = 0;

    check_ok(clade_tree_fit(&tree, &data, &options, NULL));
    assert_int_equal(tree->n_leaves, 12);
    clade_tree_apply(leaf, tree, other.value, N);
    for (size_t l = 0; l < tree->n_leaves; l++) {
        const size_t n = clade_tree_rule(terms, tree, l);
        for (size_t i = 0; i < N; i++) {
            assert_int_equal(clade_rule_holds(terms, n, other.value + i * P), leaf[i] == l);
        }
    }
    clade_tree_free(tree);
}

static void the_tree_of_k_leaves_is_the_start_of_a_larger_one(void **state)
{
    (void)state;
    static sample s;
    make_sample(&s, 5);
    const clade_tree_data data    = data_of(&s);
    clade_tree_options    options = clade_tree_defaults();
    for (int k = 1; k <= 12; k++) {
        clade_tree *large = NULL, *small = NULL;
        options.max_leaves = 12;
        check_ok(clade_tree_fit(&large, &data, &options, NULL));
        options.max_leaves = k;
        check_ok(clade_tree_fit(&small, &data, &options, NULL));
        clade_tree_cut(large, (size_t)k);
        check_same(large, small);
        clade_tree_free(large);
        clade_tree_free(small);
    }
}

static void the_number_of_threads_changes_no_bit(void **state)
{
    (void)state;
    static sample s;
    make_sample(&s, 6);
    const clade_tree_data    data    = data_of(&s);
    const clade_tree_options options = clade_tree_defaults();
    clade_tree              *one = NULL, *four = NULL;
    clade_threads_set(1);
    check_ok(clade_tree_fit(&one, &data, &options, NULL));
    clade_threads_set(4);
    check_ok(clade_tree_fit(&four, &data, &options, NULL));
    clade_threads_set(0);
    check_same(one, four);
    clade_tree_free(one);
    clade_tree_free(four);
}

static void labels_grow_the_tree_that_their_indicators_grow(void **state)
{
    (void)state;
    static sample s;
    static float  indicator[N * 3];
    make_sample(&s, 7);
    for (size_t i = 0; i < N; i++)
        indicator[3 * i + (size_t)s.label[i]] = 1;
    clade_tree_data data              = data_of(&s);
    data.n_targets                    = 3;
    data.target                       = NULL;
    data.label                        = s.label;
    const clade_tree_options options  = clade_tree_defaults();
    clade_tree              *by_label = NULL, *by_target = NULL;
    check_ok(clade_tree_fit(&by_label, &data, &options, NULL));
    data.label  = NULL;
    data.target = indicator;
    check_ok(clade_tree_fit(&by_target, &data, &options, NULL));

    assert_int_equal(by_label->n_nodes, by_target->n_nodes);
    for (size_t i = 0; i < by_label->n_nodes; i++) {
        assert_int_equal(by_label->node[i].column, by_target->node[i].column);
        assert_true(by_label->node[i].cut == by_target->node[i].cut);
        check_close(by_label->node[i].gain, by_target->node[i].gain, 1e-10);
        double sum = 0;
        for (size_t t = 0; t < 3; t++) {
            check_close(by_label->mean[3 * i + t], by_target->mean[3 * i + t], 1e-6);
            sum += by_label->mean[3 * i + t];
        }
        check_close(sum, 1, 1e-6);
    }
    clade_tree_free(by_label);
    clade_tree_free(by_target);
}

static void a_weight_of_two_is_the_row_twice(void **state)
{
    (void)state;
    static sample s;
    static float  value[2 * N * P], target[2 * N * 2];
    size_t        n = 0;
    make_sample(&s, 8);
    for (size_t i = 0; i < N; i++) {
        s.weight[i] = i % 3 == 0 ? 2 : 1;
        for (int copy = 0; copy < (i % 3 == 0 ? 2 : 1); copy++, n++) {
            memcpy(value + n * P, s.value + i * P, sizeof(float) * P);
            memcpy(target + n * 2, s.target + i * 2, sizeof(float) * 2);
        }
    }
    clade_tree_data    data     = data_of(&s);
    clade_tree_options options  = clade_tree_defaults();
    clade_tree        *weighted = NULL, *twice = NULL;
    options.min_leaf = 1;
    options.max_bin  = 4096;
    options.min_gain = 0.01;
    check_ok(clade_tree_fit(&weighted, &data, &options, NULL));
    data.value  = value;
    data.target = target;
    data.weight = NULL;
    data.n_rows = n;
    check_ok(clade_tree_fit(&twice, &data, &options, NULL));
    assert_int_equal(weighted->n_nodes, twice->n_nodes);
    for (size_t i = 0; i < twice->n_nodes; i++) {
        assert_int_equal(weighted->node[i].column, twice->node[i].column);
        assert_true(weighted->node[i].cut == twice->node[i].cut);
        check_close(weighted->node[i].weight, twice->node[i].weight, 1e-9);
        check_close(weighted->node[i].gain, twice->node[i].gain, 1e-9);
    }
    clade_tree_free(weighted);
    clade_tree_free(twice);
}

static void a_rule_speaks_of_absence_where_it_was_seen(void **state)
{
    (void)state;
    enum { ROWS = 40 };
    float x[ROWS], y[ROWS];
    for (int i = 0; i < ROWS; i++) {
        x[i] = i % 4 == 0 ? NAN : (float)i;
        y[i] = i % 4 == 0 ? 7.5f : 1.25f;
    }
    const clade_tree_data data = {
        .value = x, .n_rows = ROWS, .n_columns = 1, .target = y, .n_targets = 1
    };
    clade_tree_options options = clade_tree_defaults();
    clade_tree        *tree    = NULL;
    clade_buffer       text    = { 0 };
    clade_rule_term    terms[4];
    const char *const  names[] = { "gap_days" };
    options.min_leaf           = 5;

    check_ok(clade_tree_fit(&tree, &data, &options, NULL));
    assert_int_equal(tree->n_leaves, 2);
    check_close(tree->node[0].gain, 1, 1e-12);
    clade_rule_print(&text, terms, clade_tree_rule(terms, tree, 0), names);
    assert_string_equal(text.data, "gap_days is known");
    clade_buffer_clear(&text);
    clade_rule_print(&text, terms, clade_tree_rule(terms, tree, 1), names);
    assert_string_equal(text.data, "gap_days is unknown");

    const clade_rule_term some[] = {
        { .column = 0, .low = 120, .high = INFINITY, .unknown = true, .saw_nan = true },
        { .column = 1, .low = -INFINITY, .high = 0.125f, .unknown = true, .saw_nan = false },
    };
    const char *const two[] = { "spend_90d", "refund_share" };
    clade_buffer_clear(&text);
    clade_rule_print(&text, some, 2, two);
    assert_string_equal(text.data,
                        "(spend_90d >= 120 or spend_90d is unknown) and refund_share < 0.125");
    clade_buffer_free(&text);
    clade_tree_free(tree);
}

static void a_cut_is_the_roundest_number_of_its_gap(void **state)
{
    (void)state;
    check_close(clade__round_between(3, 4), 4, 0);
    check_close(clade__round_between(3, 58), 30, 0);
    check_close(clade__round_between(-0.5f, 7), 0, 0);
    check_close(clade__round_between(-58, -3), -30, 0);
    check_close(clade__round_between(117.3f, 123.9f), 120, 0);
    check_close(clade__round_between(0.1234f, 0.1299f), 0.127, 1e-7);
    check_close(clade__round_between(9.9e8f, 1.1e9f), 1e9, 0);

    clade_rng rng = clade_rng_stream(9, "tests/round", 0);
    for (int i = 0; i < 20000; i++) {
        const float a = (float)(clade_rng_normal(&rng) * exp(8 * clade_rng_normal(&rng)));
        const float b =
            i % 2 == 0 ? nextafterf(a, INFINITY) : a + fabsf(a) * (float)clade_rng_uniform(&rng);
        if (!(a < b)) continue;
        const float c = clade__round_between(a, b);
        assert_true(c > a && c <= b);
    }
}

static void a_saved_tree_comes_back_bit_for_bit(void **state)
{
    (void)state;
    static sample s;
    make_sample(&s, 10);
    const clade_tree_data    data    = data_of(&s);
    const clade_tree_options options = clade_tree_defaults();
    clade_tree              *tree = NULL, *again = NULL;
    clade_buffer             text = { 0 };
    clade_error              err  = { 0 };
    check_ok(clade_tree_fit(&tree, &data, &options, NULL));
    check_ok(clade_tree_save(&text, tree, NULL));
    check_ok(clade_tree_load(&again, text.data, text.size, &err));
    check_same(tree, again);
    clade_tree_free(again);

    /* Cut anywhere, and with any byte changed: a clear refusal or a tree, never a crash. */
    for (size_t n = 0; n < text.size; n += 7) {
        again = NULL;
        assert_int_equal(clade_tree_load(&again, text.data, n, &err), CLADE_ERR_DATA);
        assert_null(again);
    }
    for (size_t n = 0; n < text.size; n += 3) {
        const char was = text.data[n];
        for (const char *put = "0917,]e-"; *put != '\0'; put++) {
            again        = NULL;
            text.data[n] = *put;
            if (clade_tree_load(&again, text.data, text.size, &err) == CLADE_OK) {
                uint32_t leaf[N];
                if (again->n_columns <= P) clade_tree_apply(leaf, again, s.value, N / P);
            }
            clade_tree_free(again);
        }
        text.data[n] = was;
    }
    clade_buffer_free(&text);
    clade_tree_free(tree);
}

static void bad_input_is_named_and_writes_nothing(void **state)
{
    (void)state;
    static sample      s;
    clade_error        err     = { 0 };
    clade_tree        *tree    = NULL;
    clade_tree_options options = clade_tree_defaults();
    clade_tree_data    data    = data_of(&s);

    make_sample(&s, 12);
    s.value[7 * P + 3] = INFINITY;
    assert_int_equal(clade_tree_fit(&tree, &data, &options, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "value[7, 3]"));
    make_sample(&s, 12);
    s.target[2 * 9 + 1] = NAN;
    assert_int_equal(clade_tree_fit(&tree, &data, &options, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "target[9, 1]"));
    make_sample(&s, 12);
    s.weight[4] = -2.385f;
    assert_int_equal(clade_tree_fit(&tree, &data, &options, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "weight[4]"));
    make_sample(&s, 12);
    options.max_leaves = 0;
    assert_int_equal(clade_tree_fit(&tree, &data, &options, &err), CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "max_leaves"));
    assert_null(tree);

    options = clade_tree_defaults();
    for (size_t i = 0; i < N; i++)
        s.target[2 * i] = s.target[2 * i + 1] = 3.5f;
    check_ok(clade_tree_fit(&tree, &data, &options, &err)); /* Nothing to tell apart: one leaf. */
    assert_int_equal(tree->n_leaves, 1);
    clade_rule_term terms[1];
    clade_buffer    text = { 0 };
    clade_rule_print(&text, terms, clade_tree_rule(terms, tree, 0), NULL);
    assert_string_equal(text.data, "true");
    clade_buffer_free(&text);
    clade_tree_free(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree_of_six_rows_matches_the_case_worked_by_hand),
        cmocka_unit_test(every_split_gains_as_much_as_the_best_that_a_naive_search_finds),
        cmocka_unit_test(a_row_is_in_a_leaf_exactly_when_its_rule_holds),
        cmocka_unit_test(the_tree_of_k_leaves_is_the_start_of_a_larger_one),
        cmocka_unit_test(the_number_of_threads_changes_no_bit),
        cmocka_unit_test(labels_grow_the_tree_that_their_indicators_grow),
        cmocka_unit_test(a_weight_of_two_is_the_row_twice),
        cmocka_unit_test(a_rule_speaks_of_absence_where_it_was_seen),
        cmocka_unit_test(a_cut_is_the_roundest_number_of_its_gap),
        cmocka_unit_test(a_saved_tree_comes_back_bit_for_bit),
        cmocka_unit_test(bad_input_is_named_and_writes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
