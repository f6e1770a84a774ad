/* Shapley values of trees: a hand case, the sum over all subsets, XGBoost's own, and laws. */
#include "xgboost_peer.h"

#include "clade/numeric.h"
#include "clade/run.h"
#include "models/trees/forest.h"

#include <stdlib.h>

enum { N = 300, P = 7, UNUSED = 5 }; /* column UNUSED is constant: no tree splits on it */

typedef struct sample {
    float    value[N * P];
    float    target[N];
    float    chance[N];
    uint32_t group[N];
} sample;

static void make_sample(sample *s, uint64_t seed)
{
    clade_rng rng = clade_rng_stream(seed, "tests/explain", 0);
    for (size_t i = 0; i < N; i++) {
        float *x = s->value + i * P;
        for (size_t k = 0; k < P; k++)
            x[k] = (float)clade_rng_normal(&rng);
        if (clade_rng_uniform(&rng) < 0.2) x[1] = NAN;
        if (clade_rng_uniform(&rng) < 0.1) x[4] = NAN;
        x[2]           = (float)clade_rng_below(&rng, 4);
        x[UNUSED]      = 2.385f;
        const double b = isnan(x[1]) ? 0.9 : sin(2.0 * (double)x[1]);
        const double y = 0.8 * x[0] + b * (x[2] == 3) + 0.6 * x[0] * x[3];
        s->target[i]   = (float)(y + 0.3 * clade_rng_normal(&rng));
        s->group[i]    = (uint32_t)(i / 10);
        s->chance[i]   = clade_rng_uniform(&rng) < 1 / (1 + exp(0.7 - 1.5 * y));
    }
}

static clade_trees *fit(const sample *s, clade_trees_goal goal, int n_rounds, int depth)
{
    const bool number           = goal == CLADE_TREES_SQUARED_ERROR || goal == CLADE_TREES_QUANTILE;
    const clade_trees_data data = { .value     = s->value,
                                    .n_rows    = N,
                                    .n_columns = P,
                                    .target    = number ? s->target : s->chance,
                                    .group     = s->group };
    clade_trees_options    options = clade_trees_defaults(goal);
    clade_trees           *trees   = NULL;
    options.n_rounds               = n_rounds;
    options.max_depth              = depth;
    options.eta                    = 0.3;
    options.min_child_weight       = 0.1;
    check_ok(clade_trees_fit(&trees, &data, NULL, &options, NULL));
    return trees;
}

/* What the trees say when only the columns in `known` are: the rest splits in shares of cover. */
static double expectation(const clade_trees *trees, const float *row, uint32_t known)
{
    double sum = trees->base_margin;
    for (size_t t = 0; t < trees->n_trees; t++) {
        const forest_node *const node        = trees->node + trees->start[t];
        double                   share[4096] = { 1 };
        for (int32_t i = 0; (size_t)i < trees->start[t + 1] - trees->start[t]; i++) {
            if (node[i].left < 0) {
                sum += share[i] * (double)node[i].value;
                continue;
            }
            const double total =
                (double)node[node[i].left].cover + (double)node[node[i].right].cover;
            double      left = node[node[i].left].cover / total;
            const float x    = row[node[i].column];
            if (known >> node[i].column & 1) left = isnan(x) ? node[i].nan_left : x < node[i].value;
            share[node[i].left]  = share[i] * left; /* children come after their parent here */
            share[node[i].right] = share[i] * (1 - left);
        }
    }
    return sum;
}

/* Weight of a set of s of the d others in Shapley's sum: s! (d - s)! / (d + 1)!. */
static double set_weight(int s, int d)
{
    return tgamma(s + 1) * tgamma(d - s + 1) / tgamma(d + 2);
}

static void values_equal_the_sum_over_all_subsets(void **state)
{
    (void)state;
    static sample s;
    make_sample(&s, 1);
    clade_trees     *trees     = fit(&s, CLADE_TREES_LOGISTIC, 4, 5);
    clade_explainer *explainer = NULL;
    check_ok(clade_explainer_create(&explainer, trees, NULL));
    for (size_t i = 0; i < 25; i++) {
        const float *const row = s.value + i * P;
        double             phi[P + 1], quick[P + 1], set[1 << P];
        check_ok(clade_trees_explain(phi, trees, row, 1, P, NULL));
        check_ok(clade_explainer_run(quick, explainer, row, 1, P, NULL));
        for (uint32_t known = 0; known < 1u << P; known++)
            set[known] = expectation(trees, row, known);
        check_close(phi[P], set[0], 1e-12);
        for (size_t j = 0; j < P; j++) {
            double sum = 0;
            for (uint32_t known = 0; known < 1u << P; known++) {
                if (known >> j & 1) continue;
                sum += set_weight(__builtin_popcount(known), P - 1) *
                       (set[known | 1u << j] - set[known]);
            }
            check_close(phi[j], sum, 1e-12);  /* double throughout */
            check_close(quick[j], sum, 1e-7); /* a tree's sum in float */
        }
        for (size_t a = 0; a < P; a++) { /* pairs: the index of Fujimoto, halved */
            double alone = phi[a], got = NAN;
            for (size_t b = 0; b < P; b++) {
                double sum = 0;
                if (a == b) continue;
                for (uint32_t known = 0; known < 1u << P; known++) {
                    if (known >> a & 1 || known >> b & 1) continue;
                    sum += set_weight(__builtin_popcount(known), P - 2) *
                           (set[known | 1u << a | 1u << b] - set[known | 1u << a] -
                            set[known | 1u << b] + set[known]);
                }
                check_ok(clade_trees_interaction(&got, trees, row, 1, P, a, b, NULL));
                check_close(got, 0.5 * sum, 1e-12);
                alone -= 0.5 * sum;
            }
            check_ok(clade_trees_interaction(&got, trees, row, 1, P, a, a, NULL));
            check_close(got, alone, 1e-12);
        }
    }
    clade_explainer_free(explainer);
    clade_trees_free(trees);
}

/* Depth 6 has tables of 7 and 8 bits, depth 8 the deepest that have any, 12 has none. */
static void values_equal_those_of_xgboost_and_sum_to_the_margin(void **state)
{
    (void)state;
    static sample s;
    static float  theirs[N * (P + 1)], margin[N];
    static double plain[N * (P + 1)], quick[N * (P + 1)];
    const int     depth[] = { 1, 3, 6, 8, 12 };
    make_sample(&s, 2);
    for (size_t d = 0; d < sizeof depth / sizeof depth[0]; d++) {
        for (int goal = 0; goal < CLADE_N_TREES_GOAL; goal++) {
            clade_trees     *trees     = fit(&s, (clade_trees_goal)goal, 8, depth[d]);
            clade_explainer *explainer = NULL;
            check_ok(clade_explainer_create(&explainer, trees, NULL));
            check_ok(clade_trees_explain(plain, trees, s.value, N, P, NULL));
            check_ok(clade_explainer_run(quick, explainer, s.value, N, P, NULL));
            peer_says(theirs, N * (P + 1), trees, s.value, N, P, 2);
            peer_says(margin, N, trees, s.value, N, P, 1);
            for (size_t i = 0; i < N; i++) {
                double sum = 0, quick_sum = 0;
                for (size_t k = 0; k <= P; k++) {
                    const size_t at = i * (P + 1) + k;
                    check_close(plain[at], theirs[at], 1e-5); /* theirs is float */
                    check_close(quick[at], plain[at], 5e-7);
                    sum += plain[at];
                    quick_sum += quick[at];
                }
                check_close(sum, margin[i], 1e-6); /* the margin is a sum of floats */
                check_close(quick_sum, margin[i], 1e-6);
                assert_true(plain[i * (P + 1) + UNUSED] == 0);
                assert_true(quick[i * (P + 1) + UNUSED] == 0);
            }
            clade_explainer_free(explainer);
            clade_trees_free(trees);
        }
    }
}

static void pairs_equal_those_of_xgboost(void **state)
{
    (void)state;
    static sample s;
    static float  theirs[N * (P + 1) * (P + 1)];
    static double ours[N], phi[N * (P + 1)], total[N];
    make_sample(&s, 3);
    clade_trees *trees = fit(&s, CLADE_TREES_LOGISTIC, 6, 5);
    peer_says(theirs, N * (P + 1) * (P + 1), trees, s.value, N, P, 4);
    check_ok(clade_trees_explain(phi, trees, s.value, N, P, NULL));
    for (size_t a = 0; a < P; a++) {
        memset(total, 0, sizeof total);
        for (size_t b = 0; b < P; b++) {
            check_ok(clade_trees_interaction(ours, trees, s.value, N, P, a, b, NULL));
            for (size_t i = 0; i < N; i++) {
                check_close(ours[i], theirs[(i * (P + 1) + a) * (P + 1) + b], 1e-5);
                total[i] += ours[i];
            }
        }
        for (size_t i = 0; i < N; i++)
            check_close(total[i], phi[i * (P + 1) + a], 1e-12);
    }
    clade_trees_free(trees);
}

static void one_row_and_many_and_every_instruction_set_give_the_same_bits(void **state)
{
    (void)state;
    static sample   s;
    static double   many[N * (P + 1)], other[N * (P + 1)];
    double          one[P + 1];
    const clade_isa was = clade_isa_get();
    make_sample(&s, 4);
    clade_trees     *trees     = fit(&s, CLADE_TREES_LOGISTIC, 8, 7);
    clade_explainer *explainer = NULL;
    check_ok(clade_explainer_create(&explainer, trees, NULL));
    check_ok(clade_explainer_run(many, explainer, s.value, N, P, NULL));
    for (size_t i = 0; i < N; i += 37) {
        check_ok(clade_explainer_run(one, explainer, s.value + i * P, 1, P, NULL));
        assert_memory_equal(one, many + i * (P + 1), sizeof one);
    }
    clade_isa_set(CLADE_ISA_PLAIN);
    clade_threads_set(1);
    check_ok(clade_explainer_run(other, explainer, s.value, N, P, NULL));
    assert_memory_equal(many, other, sizeof many);
    clade_isa_set(was);
    clade_threads_set(3);
    check_ok(clade_explainer_run(other, explainer, s.value, N, P, NULL));
    assert_memory_equal(many, other, sizeof many);
    clade_threads_set(0);
    clade_explainer_free(explainer);
    clade_trees_free(trees);
}

/* Two splits, on column A at the root and on B below it, with covers 3 | 7 and 2 | 5. */
static void write_tree(clade_buffer *out, int a, int b)
{
    clade_buffer_format(out,
                        "{\"left_children\":[1,-1,3,-1,-1],\"right_children\":[2,-1,4,-1,-1],"
                        "\"split_indices\":[%d,0,%d,0,0],\"default_left\":[1,0,0,0,0],"
                        "\"split_conditions\":[0.5,2.385,0.5,-1.25,4.5],"
                        "\"loss_changes\":[1,0,1,0,0],\"sum_hessian\":[10,3,7,2,5]}",
                        a, b);
}

static clade_trees *two_trees(int a, int b, int c, int d)
{
    clade_buffer text  = { 0 };
    clade_trees *trees = NULL;
    clade_buffer_text(&text, "{\"learner\":{\"gradient_booster\":{\"model\":{\"trees\":[");
    write_tree(&text, a, b);
    clade_buffer_text(&text, ",");
    write_tree(&text, c, d);
    clade_buffer_text(&text,
                      "]}},\"learner_model_param\":{\"base_score\":\"0.125\",\"num_feature\":"
                      "\"3\"},\"objective\":{\"name\":\"reg:squarederror\"}}}");
    check_ok(clade_trees_load(&trees, text.data, text.size, NULL));
    clade_buffer_free(&text);
    return trees;
}

/* A row that goes right, then left: value -1.25. With A known alone: (2 (-1.25) + 5 (4.5)) / 7;
 * B alone: .3 2.385 + .7 (-1.25); nothing: .3 2.385 + .2 (-1.25) + .5 4.5. Absence goes left at the
 * root, which ends there, and B then matters only where A is unknown. */
static void a_tree_of_two_splits_matches_the_case_worked_by_hand(void **state)
{
    (void)state;
    clade_trees *trees    = two_trees(0, 1, 0, 1);
    const float  row[3]   = { 0.75f, 0.25f, 0 };
    const float  empty[3] = { NAN, NAN, 0 };
    const double none = 0.3 * 2.385 + 0.2 * -1.25 + 0.5 * 4.5, a = (2 * -1.25 + 5 * 4.5) / 7;
    const double b = 0.3 * 2.385 + 0.7 * -1.25, both = -1.25;
    double       phi[4];
    check_ok(clade_trees_explain(phi, trees, row, 1, 3, NULL));
    check_close(phi[0], 2 * 0.5 * ((a - none) + (both - b)), 1e-7); /* the leaf is a float */
    check_close(phi[1], 2 * 0.5 * ((b - none) + (both - a)), 1e-7);
    assert_true(phi[2] == 0);
    check_close(phi[3], 0.125 + 2 * none, 1e-7);

    const double b_empty = 0.3 * 2.385 + 0.7 * 4.5; /* absence goes right at B */
    check_ok(clade_trees_explain(phi, trees, empty, 1, 3, NULL));
    check_close(phi[0], 2 * 0.5 * ((2.385 - none) + (2.385 - b_empty)), 1e-7);
    check_close(phi[1], 2 * 0.5 * (b_empty - none), 1e-7);
    clade_trees_free(trees);
}

/* The second tree is the first with columns 0 and 2 exchanged, so the sum does not tell them apart.
 */
static void columns_that_play_the_same_part_are_due_the_same(void **state)
{
    (void)state;
    clade_trees     *trees     = two_trees(0, 2, 2, 0);
    clade_explainer *explainer = NULL;
    check_ok(clade_explainer_create(&explainer, trees, NULL));
    for (int value = 0; value < 3; value++) {
        const float x      = value == 2 ? NAN : (float)value;
        const float row[3] = { x, 7, x };
        double      phi[4];
        check_ok(clade_trees_explain(phi, trees, row, 1, 3, NULL));
        check_close(phi[0], phi[2], 1e-15);
        assert_true(phi[0] != 0 && phi[1] == 0);
        check_ok(clade_explainer_run(phi, explainer, row, 1, 3, NULL));
        check_close(phi[0], phi[2], 1e-15);
    }
    clade_explainer_free(explainer);
    clade_trees_free(trees);
}

static void what_does_not_fit_is_refused_and_nothing_is_written(void **state)
{
    (void)state;
    clade_trees     *trees     = two_trees(0, 1, 1, 2);
    clade_explainer *explainer = NULL;
    const float      row[3]    = { 0 };
    double           phi[4]    = { 7, 7, 7, 7 };
    clade_error      err       = { 0 };
    check_ok(clade_explainer_create(&explainer, trees, NULL));
    assert_int_equal(clade_trees_explain(phi, trees, row, 1, 2, &err), CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "2 columns"));
    assert_int_equal(clade_explainer_run(phi, explainer, row, 1, 4, &err), CLADE_ERR_ARG);
    assert_int_equal(clade_trees_interaction(phi, trees, row, 1, 3, 1, 3, &err), CLADE_ERR_ARG);
    check_ok(clade_explainer_run(phi, explainer, row, 0, 3, &err));
    assert_true(phi[0] == 7);
    clade_explainer_free(explainer);
    clade_trees_free(trees);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree_of_two_splits_matches_the_case_worked_by_hand),
        cmocka_unit_test(values_equal_the_sum_over_all_subsets),
        cmocka_unit_test(values_equal_those_of_xgboost_and_sum_to_the_margin),
        cmocka_unit_test(pairs_equal_those_of_xgboost),
        cmocka_unit_test(one_row_and_many_and_every_instruction_set_give_the_same_bits),
        cmocka_unit_test(columns_that_play_the_same_part_are_due_the_same),
        cmocka_unit_test(what_does_not_fit_is_refused_and_nothing_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
