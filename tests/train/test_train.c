/* Training from end to end: a known loss, and a stop that changes nothing. */
#include "sequence/small_log.h"

#include "clade/run.h"
#include "clade/train.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static clade_train_options short_training(void)
{
    clade_train_options o  = clade_train_defaults();
    o.learner.n_shards     = 2;
    o.learner.shard_tokens = 12; /* three steps an epoch */
    o.learner.rate         = 5e-3;
    o.learner.seed         = 6;
    o.n_epochs             = 7;
    o.warm_up              = 4;
    return o;
}

/* all: with every objective. */
static clade_behaviour *model_with(const clade_sequences *s, bool all)
{
    clade_behaviour_options o     = clade_behaviour_defaults();
    clade_behaviour        *model = NULL;
    o.d = 16, o.n_heads = 1, o.ff = 16, o.n_rates = 3, o.max_events = 8;
    o.mixer[1] = CLADE_MIXER_DECAY;
    if (all) {
        o.with_moment = true, o.with_own = true, o.return_weight = 0.3f;
        o.future_weight = 0.3f, o.contrast_weight = 0.3f;
    }
    check_ok(clade_behaviour_create(&model, &o, s, 2, NULL));
    return model;
}

static clade_behaviour *small_model(const clade_sequences *s)
{
    return model_with(s, false);
}

/* Looks at the validation cases: scores rise for `period` looks, and begin again. */
typedef struct looks {
    int calls, period;
} looks;

static clade_status look(void *context, double *out_score, const clade_behaviour *model,
                         clade_error *err)
{
    looks *const l = context;
    (void)model;
    (void)err;
    *out_score = (double)(l->calls % l->period);
    l->calls += 1;
    return CLADE_OK;
}

/* As a Ctrl-C in the third epoch would. */
static void interrupt_in_third(void *context, const clade_train_epoch *epoch)
{
    (void)context;
    if (epoch->epoch == 3) (void)raise(SIGINT);
}

/* Stopped after three epochs of seven. With a period of 3 the best is from before the stop, and has
 * to be in the checkpoint; with 100 it is the last, and every step since has to be the same. */
static void check_a_stop(int period, size_t best_epoch, size_t n_negatives, bool all)
{
    char                folder[256], path[300];
    clade_sequences    *s       = small_log(true);
    clade_train_options options = short_training();
    clade_train_report  report;
    clade_behaviour    *whole = model_with(s, all), *parts = model_with(s, all);
    looks               seen[2] = { { 0, period }, { 3, period } }; /* three in the child */
    check_folder_make(folder, "train");
    (void)snprintf(path, sizeof path, "%s/checkpoint.safetensors", folder);
    options.learner.n_negatives = n_negatives;
    options.judge               = look;
    clade_error err             = { 0 };
    options.checkpoint          = path;
    options.judge_context       = &seen[1];
    options.tell                = interrupt_in_third;
    const pid_t child = fork(); /* an interruption stays requested for the rest of a process */
    int         how   = 0;
    if (child == 0) {
        seen[1].calls = 0;
        clade_interrupt_install();
        const clade_status status = clade_train_behaviour(&report, parts, s, &options, &err);
        _exit(status == CLADE_ERR_INTERRUPTED && strstr(err.message, "epoch 4 of 7") != NULL ? 0
                                                                                             : 1);
    }
    assert_true(waitpid(child, &how, 0) == child && WIFEXITED(how) && WEXITSTATUS(how) == 0);
    options.tell = NULL;
    check_ok(clade_train_behaviour(&report, parts, s, &options, &err));
    assert_true(report.resumed);
    assert_int_equal(report.n_epochs, 7);

    options.checkpoint    = NULL;
    options.judge_context = &seen[0];
    check_ok(clade_train_behaviour(&report, whole, s, &options, NULL));
    assert_int_equal(report.n_epochs, 7);
    assert_int_equal(report.best_epoch, best_epoch);
    assert_memory_equal(clade_behaviour_parameters(whole), clade_behaviour_parameters(parts),
                        clade_behaviour_n_parameters(whole) * sizeof(float));
    check_folder_remove(folder);
    clade_behaviour_free(whole);
    clade_behaviour_free(parts);
    clade_sequences_free(s);
}

static void a_stopped_training_ends_with_the_same_bits(void **state)
{
    (void)state;
    check_a_stop(3, 3, 0, false);
    check_a_stop(100, 7, 0, false);
}

static void so_does_one_over_a_sampled_catalogue(void **state)
{
    (void)state;
    check_a_stop(100, 7, 5, false);
}

static void so_does_one_of_all_objectives(void **state)
{
    (void)state;
    check_a_stop(100, 7, 0, true);
    check_a_stop(100, 7, 5, true);
}

static void a_checkpoint_of_another_training_is_refused(void **state)
{
    (void)state;
    char                folder[256], path[300];
    clade_sequences    *s       = small_log(true);
    clade_train_options options = short_training();
    clade_train_report  report;
    clade_error         err   = { 0 };
    clade_behaviour    *model = small_model(s);
    check_folder_make(folder, "train");
    (void)snprintf(path, sizeof path, "%s/checkpoint.safetensors", folder);
    options.checkpoint         = path;
    options.checkpoint_seconds = 1e-9; /* after every step */
    check_ok(clade_train_behaviour(&report, model, s, &options, &err));
    options.learner.rate = 4e-3;
    assert_int_equal(clade_train_behaviour(&report, model, s, &options, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "another training"));
    check_write(path, "\x10\0\0\0\0\0\0\0{\"__meta", 16); /* cut short */
    options.learner.rate = 5e-3;
    assert_int_equal(clade_train_behaviour(&report, model, s, &options, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "checkpoint.safetensors"));
    check_folder_remove(folder);
    clade_behaviour_free(model);
    clade_sequences_free(s);
}

static void a_log_without_a_second_event_is_refused(void **state)
{
    (void)state;
    clade_sequences *s = NULL;
    check_ok(clade_sequences_create(&s, 2, 2, 5, false, NULL));
    s->start[1] = 1, s->start[2] = 2;
    s->item[0] = s->item[1]       = 3;
    clade_behaviour_options o     = clade_behaviour_defaults();
    clade_behaviour        *model = NULL;
    clade_train_report      report;
    clade_error             err     = { 0 };
    clade_train_options     options = short_training();
    options.learner.shard_tokens    = 512;
    check_ok(clade_behaviour_create(&model, &o, s, 1, NULL));
    assert_int_equal(clade_train_behaviour(&report, model, s, &options, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "none of 2 customers has two events"));
    clade_behaviour_free(model);
    clade_sequences_free(s);
}

/* Times all equal, one item, a robot's thousand events: nothing to learn, and nothing breaks. */
static void one_item_over_and_over_is_learnt_at_once(void **state)
{
    (void)state;
    clade_sequences *s = NULL;
    check_ok(clade_sequences_create(&s, 1, 1000, 1, true, NULL));
    s->start[1] = 1000;
    for (size_t e = 0; e < 1000; e++)
        s->item[e] = 1;
    clade_behaviour    *model   = small_model(s);
    clade_train_options options = short_training();
    clade_train_report  report;
    check_ok(clade_train_behaviour(&report, model, s, &options, NULL));
    assert_true(report.loss < 1e-6);
    clade_behaviour_free(model);
    clade_sequences_free(s);
}

/* The budget is planned after twelve steps, and epochs of one step are over by then. */
static void a_budget_that_is_spent_when_it_is_planned_ends_the_training(void **state)
{
    (void)state;
    clade_sequences    *s       = small_log(true);
    clade_behaviour    *model   = small_model(s);
    clade_train_options options = short_training();
    clade_train_report  report;
    options.learner.shard_tokens = 4096; /* an epoch is a step */
    options.n_epochs             = 40;
    options.budget_seconds       = 1e-9;
    check_ok(clade_train_behaviour(&report, model, s, &options, NULL));
    assert_int_equal(report.n_steps, 12);
    assert_int_equal(report.n_epochs, 12);
    clade_behaviour_free(model);
    clade_sequences_free(s);
}

/* As a Ctrl-C while the second epoch is judged would. */
static clade_status interrupted_judge(void *context, double *out_score,
                                      const clade_behaviour *model, clade_error *err)
{
    int *const calls = context;
    (void)model;
    *out_score = (double)*calls;
    if (++*calls == 2) (void)raise(SIGINT);
    return clade_interrupt_check(err);
}

static void a_stop_while_judging_ends_with_the_same_bits(void **state)
{
    (void)state;
    char                folder[256], path[300];
    clade_sequences    *s     = small_log(true);
    clade_behaviour    *whole = small_model(s), *parts = small_model(s);
    clade_train_options options = short_training();
    clade_train_report  report;
    looks               seen[2] = { { 0, 100 }, { 1, 100 } }; /* one in the child */
    check_folder_make(folder, "train");
    (void)snprintf(path, sizeof path, "%s/checkpoint", folder);
    options.judge         = look;
    options.judge_context = &seen[0];
    check_ok(clade_train_behaviour(&report, whole, s, &options, NULL));

    options.checkpoint = path;
    const pid_t child  = fork(); /* an interruption stays requested for the rest of a process */
    if (child == 0) {
        int calls = 0;
        clade_interrupt_install();
        options.judge         = interrupted_judge;
        options.judge_context = &calls;
        _exit(clade_train_behaviour(&report, parts, s, &options, NULL) == CLADE_ERR_INTERRUPTED
                  ? 0
                  : 1);
    }
    int how = 1;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_int_equal(how, 0);
    options.judge_context = &seen[1];
    check_ok(clade_train_behaviour(&report, parts, s, &options, NULL));
    assert_true(report.resumed);
    assert_int_equal(seen[1].calls, seen[0].calls);
    assert_memory_equal(clade_behaviour_parameters(whole), clade_behaviour_parameters(parts),
                        clade_behaviour_n_parameters(whole) * sizeof(float));
    clade_behaviour_free(whole);
    clade_behaviour_free(parts);
    clade_sequences_free(s);
    check_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stopped_training_ends_with_the_same_bits),
        cmocka_unit_test(so_does_one_over_a_sampled_catalogue),
        cmocka_unit_test(so_does_one_of_all_objectives),
        cmocka_unit_test(a_stop_while_judging_ends_with_the_same_bits),
        cmocka_unit_test(a_budget_that_is_spent_when_it_is_planned_ends_the_training),
        cmocka_unit_test(a_checkpoint_of_another_training_is_refused),
        cmocka_unit_test(a_log_without_a_second_event_is_refused),
        cmocka_unit_test(one_item_over_and_over_is_learnt_at_once),
    };
    clade_threads_set(1); /* tests fork, and a child would wait for threads that it does not have */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
