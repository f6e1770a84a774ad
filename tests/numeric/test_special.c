#include "check.h"
#include "clade/numeric.h"

/* Golden values from published tables; SciPy 1.10 gives the same normal ones to 14 digits. */
static void distributions_match_golden_values(void **state)
{
    (void)state;
    check_close(clade_normal_cdf(1.959963984540054), 0.975, 1e-15);
    check_close(clade_normal_cdf(-10.0) / 7.61985302416052e-24, 1.0, 1e-12);
    check_close(clade_normal_quantile(0.975), 1.959963984540054, 1e-14);
    check_close(clade_normal_quantile(1e-20), -9.26234008979841, 1e-13);
    check_close(clade_student_quantile(0.975, 2.0), 0.95 / sqrt(0.04875),
                1e-13); /* in closed form */
    check_close(clade_student_quantile(0.975, 9.0), 2.26215716279820, 1e-12);
    check_close(clade_student_cdf(1.0, 1.0), 0.75, 1e-14);
}

/* I_x(1, b) = 1 - (1 - x)^b and I_x(a, 1) = x^a in closed form. */
static void beta_matches_its_closed_forms(void **state)
{
    (void)state;
    for (double x = 0.015; x < 1.0; x += 0.0485) {
        check_close(clade_beta_cdf(x, 1.0, 7.3), 1.0 - pow(1.0 - x, 7.3), 1e-14);
        check_close(clade_beta_cdf(x, 3.7, 1.0), pow(x, 3.7), 1e-14);
        check_close(clade_beta_cdf(x, 52.5, 0.5) + clade_beta_cdf(1.0 - x, 0.5, 52.5), 1.0, 1e-13);
    }
}

static void quantiles_undo_their_distributions(void **state)
{
    (void)state;
    for (double p = 0.003; p < 1.0; p += 0.0137) {
        check_close(clade_normal_cdf(clade_normal_quantile(p)), p, 1e-14);
        check_close(clade_student_cdf(clade_student_quantile(p, 4.5), 4.5), p, 1e-12);
    }
}

static void questions_without_an_answer_are_nan(void **state)
{
    (void)state;
    assert_true(isnan(clade_normal_quantile(1.5)));
    assert_true(isnan(clade_beta_cdf(0.5, -1.0, 2.0)));
    assert_true(isnan(clade_student_quantile(0.5, 0.0)));
    assert_true(isinf(clade_normal_quantile(0.0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distributions_match_golden_values),
        cmocka_unit_test(beta_matches_its_closed_forms),
        cmocka_unit_test(quantiles_undo_their_distributions),
        cmocka_unit_test(questions_without_an_answer_are_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
