/* Calls of Segment's tracking API: who, when, which message, what a batch shares, and limits. */
#include "tracking_help.h"

/* ---------------------------------------------------------------- paths and bodies */

static void every_path_of_the_apis_is_known_and_no_other(void **state)
{
    (void)state;
    static const struct {
        const char             *path;
        clade_tracking_endpoint endpoint;
    } cases[] = {
        { "/v1/identify", CLADE_TRACKING_IDENTIFY }, { "/v1/i", CLADE_TRACKING_IDENTIFY },
        { "/v1/track", CLADE_TRACKING_TRACK },       { "/v1/t", CLADE_TRACKING_TRACK },
        { "/v1/page", CLADE_TRACKING_PAGE },         { "/v1/p", CLADE_TRACKING_PAGE },
        { "/v1/screen", CLADE_TRACKING_SCREEN },     { "/v1/s", CLADE_TRACKING_SCREEN },
        { "/v1/group", CLADE_TRACKING_GROUP },       { "/v1/g", CLADE_TRACKING_GROUP },
        { "/v1/alias", CLADE_TRACKING_ALIAS },       { "/v1/a", CLADE_TRACKING_ALIAS },
        { "/v1/batch", CLADE_TRACKING_BATCH },       { "/v1/b/", CLADE_TRACKING_BATCH },
        { "/mp/collect", CLADE_TRACKING_GA4 },
    };
    clade_tracking_endpoint endpoint;
    clade_text              key;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(clade_tracking_endpoint_of(&endpoint, clade_text_of(cases[i].path)));
        assert_int_equal(endpoint, cases[i].endpoint);
    }
    assert_false(clade_tracking_endpoint_of(&endpoint, CLADE_TEXT("/v1/tracks")));
    assert_false(clade_tracking_endpoint_of(&endpoint, CLADE_TEXT("/")));
    assert_true(clade_tracking_settings_path(&key, CLADE_TEXT("/v1/projects/WK_1/settings")));
    assert_true(is(key, "WK_1"));
    assert_false(clade_tracking_settings_path(&key, CLADE_TEXT("/v1/projects//settings")));
    assert_false(clade_tracking_settings_path(&key, CLADE_TEXT("/v1/projects/a/b/settings")));
}

static void what_is_malformed_says_where_and_what_is_too_large_says_how_much(void **state)
{
    (void)state;
    clade_error err = { 0 };
    const char *bad = "{\"userId\":\"u\",\n\"event\":\"x\" \"y\"}";
    assert_int_equal(clade_tracking_read(&request, reader, CLADE_TRACKING_TRACK, clade_text_of(bad),
                                         RECEIVED_US, &err),
                     CLADE_ERR_DATA);
    assert_int_equal(request.code, CLADE_TRACKING_E_MALFORMED);
    assert_string_equal(err.message, "JSON byte 28, line 2: a comma or } was expected");

    assert_int_equal(clade_tracking_read(&request, reader, CLADE_TRACKING_BATCH,
                                         CLADE_TEXT("{\"batch\":{}}"), RECEIVED_US, &err),
                     CLADE_ERR_DATA);
    assert_int_equal(request.code, CLADE_TRACKING_E_MALFORMED);
    assert_non_null(strstr(err.message, "array \"batch\""));
    assert_int_equal(clade_tracking_read(&request, reader, CLADE_TRACKING_TRACK, CLADE_TEXT("[]"),
                                         RECEIVED_US, &err),
                     CLADE_ERR_DATA);

    const size_t size = 500 * 1024 + 1;
    char *const  body = malloc(size);
    assert_non_null(body);
    memset(body, ' ', size);
    assert_int_equal(clade_tracking_read(&request, reader, CLADE_TRACKING_TRACK,
                                         (clade_text){ body, size }, RECEIVED_US, &err),
                     CLADE_ERR_DATA);
    assert_int_equal(request.code, CLADE_TRACKING_E_BODY_LARGE);
    assert_non_null(strstr(err.message, "512001"));
    body[size - 2] = '{';
    body[size - 1] = '}';
    assert_int_equal(clade_tracking_read(&request, reader, CLADE_TRACKING_TRACK,
                                         (clade_text){ body + 1, size - 1 }, RECEIVED_US, &err),
                     CLADE_OK);
    free(body);
}

static void the_write_key_of_a_body_is_told_to_the_caller(void **state)
{
    (void)state;
    read_body(CLADE_TRACKING_BATCH, "{\"batch\":[],\"writeKey\":\"W\\u004b\"}");
    assert_true(is(request.write_key, "WK"));
    assert_int_equal(request.n_items, 0);
    read_body(CLADE_TRACKING_TRACK, "{\"userId\":\"u\",\"event\":\"x\"}");
    assert_int_equal(request.write_key.size, 0);
}

/* ---------------------------------------------------------------- who */

static void ids_that_stand_for_nobody_are_refused_and_never_join_strangers(void **state)
{
    (void)state;
    static const char *const nobody[] = { "null", "anonymous", "-1",
                                          "0",    "0000-0000", "-",
                                          "NULL", "undefined", "00000000-0000" };
    char                     body[200];
    for (size_t i = 0; i < sizeof nobody / sizeof nobody[0]; i++) {
        snprintf(body, sizeof body, "{\"userId\":\"%s\",\"event\":\"x\"}", nobody[i]);
        assert_int_equal(refusal(CLADE_TRACKING_TRACK, body), CLADE_TRACKING_E_BLOCKED_ID);
        snprintf(body, sizeof body, "{\"anonymousId\":\"%s\",\"event\":\"x\"}", nobody[i]);
        assert_int_equal(refusal(CLADE_TRACKING_TRACK, body), CLADE_TRACKING_E_BLOCKED_ID);
        snprintf(body, sizeof body, "{\"userId\":\"u\",\"previousId\":\"%s\"}", nobody[i]);
        assert_int_equal(refusal(CLADE_TRACKING_ALIAS, body), CLADE_TRACKING_E_BLOCKED_ID);
        snprintf(body, sizeof body, "{\"userId\":\"%s\",\"anonymousId\":\"an\",\"event\":\"x\"}",
                 nobody[i]);
        const clade_live_event *e = one(CLADE_TRACKING_TRACK, body);
        assert_int_equal(e->user_id.size, 0);
        assert_true(is(e->anonymous_id, "an"));
        assert_true(noted(CLADE_TRACKING_N_ID));
    }
    assert_int_equal(refusal(CLADE_TRACKING_TRACK, "{\"userId\":0,\"event\":\"x\"}"),
                     CLADE_TRACKING_E_BLOCKED_ID);
}

static void an_event_of_nobody_is_refused_and_numbers_are_ids(void **state)
{
    (void)state;
    assert_int_equal(refusal(CLADE_TRACKING_TRACK, "{\"event\":\"x\"}"),
                     CLADE_TRACKING_E_NO_IDENTITY);
    assert_int_equal(refusal(CLADE_TRACKING_TRACK, "{\"userId\":\" \",\"event\":\"x\"}"),
                     CLADE_TRACKING_E_NO_IDENTITY);
    assert_int_equal(refusal(CLADE_TRACKING_TRACK, "{\"userId\":null,\"event\":\"x\"}"),
                     CLADE_TRACKING_E_NO_IDENTITY);
    assert_int_equal(refusal(CLADE_TRACKING_TRACK, "{\"userId\":{\"id\":1},\"event\":\"x\"}"),
                     CLADE_TRACKING_E_BAD_ID);
    const clade_live_event *e =
        one(CLADE_TRACKING_TRACK, "{\"userId\":4711,\"anonymousId\":\" an \",\"event\":\"x\"}");
    assert_true(is(e->user_id, "4711"));
    assert_true(is(e->anonymous_id, "an"));
}

/* ---------------------------------------------------------------- when */

/* sentAt 18:39:40, original 18:39:00: 40 s before it was sent, so 40 s before 18:40:10. */
static void the_clock_of_the_client_cancels_out(void **state)
{
    (void)state;
    const clade_live_event *e = one(
        CLADE_TRACKING_TRACK, "{\"userId\":\"u\",\"event\":\"x\",\"originalTimestamp\":"
                              "\"2026-11-25T18:39:00.250Z\",\"timestamp\":\"2020-01-01T00:00:00Z\","
                              "\"sentAt\":\"2026-11-25T19:39:40+01:00\"}");
    assert_int_equal(e->at_us, RECEIVED_US - 39750000);
    assert_int_equal(e->received_us, RECEIVED_US);
    assert_int_equal(request.skew_us, 30 * CLADE_US_PER_SECOND);
    assert_int_equal(request.n_notes, 0);
}

static void a_clock_that_is_years_off_still_tells_how_long_ago_and_is_noted(void **state)
{
    (void)state;
    const clade_live_event *e =
        one(CLADE_TRACKING_TRACK, "{\"userId\":\"u\",\"event\":\"x\",\"timestamp\":"
                                  "\"2001-01-01T00:00:00Z\",\"sentAt\":\"2001-01-01T00:00:07Z\"}");
    assert_int_equal(e->at_us, RECEIVED_US - 7 * CLADE_US_PER_SECOND);
    assert_true(noted(CLADE_TRACKING_N_SKEW));
}

static void nothing_happens_after_it_came_and_what_is_no_time_is_when_it_came(void **state)
{
    (void)state;
    const clade_live_event *e =
        one(CLADE_TRACKING_TRACK,
            "{\"userId\":\"u\",\"event\":\"x\",\"timestamp\":\"2031-01-01T00:00:00Z\"}");
    assert_int_equal(e->at_us, RECEIVED_US);
    assert_true(noted(CLADE_TRACKING_N_TIME));
    e = one(CLADE_TRACKING_TRACK, "{\"userId\":\"u\",\"event\":\"x\",\"timestamp\":\"yesterday\"}");
    assert_int_equal(e->at_us, RECEIVED_US);
    assert_true(noted(CLADE_TRACKING_N_TIME));
    e = one(CLADE_TRACKING_TRACK, "{\"userId\":\"u\",\"event\":\"x\"}");
    assert_int_equal(e->at_us, RECEIVED_US);
    assert_int_equal(request.n_notes, 0);
    e = one(CLADE_TRACKING_TRACK, "{\"userId\":\"u\",\"event\":\"x\",\"timestamp\":1500000000123}");
    assert_int_equal(e->at_us, INT64_C(1500000000123000));
    e = one(CLADE_TRACKING_TRACK,
            "{\"userId\":\"u\",\"event\":\"x\",\"timestamp\":\"1970-01-01T00:00:00Z\"}");
    assert_true(e->at_us != 0);
}

/* ---------------------------------------------------------------- which message */

static void the_key_is_of_the_message_id_and_else_of_the_content(void **state)
{
    (void)state;
    const clade_live_event *e =
        one(CLADE_TRACKING_TRACK, "{\"userId\":\"u\",\"event\":\"x\",\"messageId\":\"m-1\"}");
    const uint64_t by_id = e->message_key;
    assert_int_equal(by_id, clade_hash64("m-1", 3, 0));
    assert_int_equal(request.item[0].key, by_id);
    e = one(CLADE_TRACKING_PAGE, "{\"anonymousId\":\"other\",\"messageId\":\"m-1\"}");
    assert_int_equal(e->message_key, by_id);

    static const char once[] =
        "{\"userId\":\"u\",\"event\":\"x\",\"timestamp\":\"2026-11-25T10:00:00Z\"";
    char body[200];
    snprintf(body, sizeof body, "%s,\"sentAt\":\"2026-11-25T10:00:01Z\"}", once);
    const uint64_t first = one(CLADE_TRACKING_TRACK, body)->message_key;
    snprintf(body, sizeof body, "%s,\"sentAt\":\"2026-11-25T10:00:31Z\",\"writeKey\":\"k\"}", once);
    assert_int_equal(one(CLADE_TRACKING_TRACK, body)->message_key, first); /* sent again */
    snprintf(body, sizeof body, "%s,\"properties\":{}}", once);
    assert_true(one(CLADE_TRACKING_TRACK, body)->message_key != first);
}

/* Without a time of its own an event is of the moment it came: a second one is a second event. */
static void without_id_and_time_two_arrivals_are_two_events(void **state)
{
    (void)state;
    const clade_text body  = CLADE_TEXT("{\"userId\":\"u\",\"event\":\"x\"}");
    const uint64_t   first = one(CLADE_TRACKING_TRACK, body.data)->message_key;
    assert_int_equal(one(CLADE_TRACKING_TRACK, body.data)->message_key, first);
    check_ok(
        clade_tracking_read(&request, reader, CLADE_TRACKING_TRACK, body, RECEIVED_US + 1, NULL));
    assert_true(request.item[0].key != first);
}

static void a_message_id_has_at_most_a_hundred_characters(void **state)
{
    (void)state;
    char id[301] = { 0 }, body[400];
    for (int i = 0; i < 100; i++)
        memcpy(id + 3 * i, "\xE5\xBC\xA0", 3);
    snprintf(body, sizeof body, "{\"userId\":\"u\",\"event\":\"x\",\"messageId\":\"%s\"}", id);
    assert_int_equal(one(CLADE_TRACKING_TRACK, body)->kind, CLADE_LIVE_CUSTOM);
    snprintf(body, sizeof body, "{\"userId\":\"u\",\"event\":\"x\",\"messageId\":\"%sx\"}", id);
    assert_int_equal(refusal(CLADE_TRACKING_TRACK, body), CLADE_TRACKING_E_MESSAGE_ID);
}

/* ---------------------------------------------------------------- calls */

static void identify_takes_names_and_addresses_out_of_the_traits(void **state)
{
    (void)state;
    const clade_live_event *e = one(
        CLADE_TRACKING_IDENTIFY,
        "{\"userId\":\"u\",\"anonymousId\":\"an\",\"traits\":{\"firstName\":\"Zo\\u00eb\","
        "\"lastName\":\"Li\",\"email\":\"z@x.example\",\"phone\":\"+49 1\",\"age\":37,"
        "\"address\":{\"street\":\"Ring 1\",\"city\":\"K\xC3\xB6ln\"},\"plan\":{\"tier\":\"gold\","
        "\"since\":{\"year\":2020}},\"vip\":true,\"gone\":null,\"tags\":[\"a\",1]}}");
    assert_int_equal(e->kind, CLADE_LIVE_IDENTIFY);
    assert_true(is(e->person_name, "Zo\xC3\xAB Li"));
    assert_true(is(e->email, "z@x.example"));
    assert_true(is(e->phone, "+49 1"));
    assert_true(is(e->address, "Ring 1, K\xC3\xB6ln"));
    assert_int_equal(e->n_traits, 5);
    assert_true(is(TRAIT_OF(e, "age"), "37"));
    assert_true(is(TRAIT_OF(e, "plan.tier"), "gold"));
    assert_true(is(TRAIT_OF(e, "plan.since.year"), "2020"));
    assert_true(is(TRAIT_OF(e, "vip"), "true"));
    assert_true(is(TRAIT_OF(e, "tags"), "[\"a\",1]"));
}

static void alias_group_page_and_screen_become_what_they_say(void **state)
{
    (void)state;
    const clade_live_event *e =
        one(CLADE_TRACKING_ALIAS, "{\"userId\":\"u\",\"previousId\":\"an\"}");
    assert_int_equal(e->kind, CLADE_LIVE_ALIAS);
    assert_true(is(e->previous_id, "an"));
    assert_int_equal(refusal(CLADE_TRACKING_ALIAS, "{\"userId\":\"u\"}"),
                     CLADE_TRACKING_E_NO_PREVIOUS);

    e = one(CLADE_TRACKING_GROUP,
            "{\"userId\":\"u\",\"groupId\":\"g\",\"traits\":{\"name\":\"I\"}}");
    assert_int_equal(e->kind, CLADE_LIVE_CUSTOM);
    assert_true(is(e->name, "group"));
    assert_true(is(PROPERTY(e, "group_id"), "g"));
    assert_true(is(PROPERTY(e, "group.name"), "I"));
    assert_int_equal(e->person_name.size, 0);
    assert_int_equal(refusal(CLADE_TRACKING_GROUP, "{\"userId\":\"u\"}"),
                     CLADE_TRACKING_E_NO_GROUP);

    e = one(CLADE_TRACKING_PAGE, "{\"userId\":\"u\",\"name\":\"Home\",\"category\":\"Docs\","
                                 "\"properties\":{\"title\":\"T\",\"category\":\"own\"}}");
    assert_int_equal(e->kind, CLADE_LIVE_VIEW);
    assert_true(is(e->name, "page"));
    assert_int_equal(e->item.size + e->category.size, 0);
    assert_true(is(PROPERTY(e, "page.name"), "Home"));
    assert_true(is(PROPERTY(e, "page.category"), "Docs"));
    assert_true(is(PROPERTY(e, "category"), "own"));
    assert_true(is(one(CLADE_TRACKING_SCREEN, "{\"userId\":\"u\"}")->channel, "app"));
    assert_int_equal(refusal(CLADE_TRACKING_TRACK, "{\"userId\":\"u\"}"), CLADE_TRACKING_E_NO_NAME);
}

static void the_context_tells_device_channel_campaign_and_consent(void **state)
{
    (void)state;
    const clade_live_event *e = one(
        CLADE_TRACKING_TRACK,
        "{\"userId\":\"u\",\"event\":\"Products Searched\",\"properties\":{\"locale\":\"own\"},"
        "\"context\":{\"ip\":\"8.8.8.8\",\"locale\":\"de-DE\",\"timezone\":\"Europe/Berlin\","
        "\"userAgent\":\"Mozilla/5.0 (iPhone; CPU iPhone OS 17_0) Mobile/15E\",\"page\":{\"path\":"
        "\"/s\",\"url\":\"https://x.example/"
        "s?q=blue+%E9%9E%8B&utm_source=n%26ws&utm_campaign=a#top\"},"
        "\"consent\":{\"categoryPreferences\":{\"Advertising\":false,\"Analytics\":true}},"
        "\"sessionId\":171,\"traits\":{\"email\":\"z@x.example\",\"tier\":\"gold\"}}}");
    assert_true(is(e->device, "phone"));
    assert_true(is(e->channel, "web"));
    assert_true(is(e->query, "blue \xE9\x9E\x8B"));
    assert_true(is(e->session, "171"));
    assert_true(is(e->email, "z@x.example"));
    assert_true(is(TRAIT_OF(e, "tier"), "gold"));
    assert_true(is(PROPERTY(e, "campaign.source"), "n&ws"));
    assert_true(is(PROPERTY(e, "campaign.name"), "a"));
    assert_true(is(PROPERTY(e, "page.path"), "/s"));
    assert_true(is(PROPERTY(e, "locale"), "own")); /* the event's own word counts */
    assert_true(is(PROPERTY(e, "timezone"), "Europe/Berlin"));
    const clade_tracking_item *item = &request.item[0];
    assert_int_equal(item->n_consent, 2);
    assert_true(is(value_of(item->consent, 2, "Advertising"), "false"));
    assert_true(is(value_of(item->consent, 2, "Analytics"), "true"));
    for (size_t i = 0; i < e->n_properties; i++)
        assert_null(memmem(e->property[i].value.data, e->property[i].value.size, "8.8.8.8", 7));

    e = one(CLADE_TRACKING_TRACK,
            "{\"userId\":\"u\",\"event\":\"x\",\"channel\":\"mobile\",\"context\":"
            "{\"device\":{\"type\":\"ios\",\"model\":\"iPad7,3\"}}}");
    assert_true(is(e->device, "tablet"));
    assert_true(is(e->channel, "app"));
}

/* ---------------------------------------------------------------- batches and limits */

static void a_batch_shares_its_context_and_an_item_replaces_members_of_it(void **state)
{
    (void)state;
    read_body(
        CLADE_TRACKING_BATCH,
        "{\"context\":{\"locale\":\"de-DE\",\"campaign\":{\"name\":\"all\"},\"timezone\":\"UTC\"},"
        "\"batch\":[{\"type\":\"track\",\"userId\":\"u\",\"event\":\"x\",\"context\":{\"campaign\":"
        "{\"source\":\"mine\"}}},{\"type\":\"page\",\"anonymousId\":\"a\"},{\"type\":\"track\"}],"
        "\"sentAt\":\"2026-11-25T18:40:00Z\"}");
    assert_int_equal(request.n_items, 3);
    assert_int_equal(request.n_accepted, 2);
    const clade_live_event *e = request.item[0].event;
    assert_true(is(PROPERTY(e, "locale"), "de-DE"));
    assert_true(is(PROPERTY(e, "campaign.source"), "mine"));
    assert_int_equal(PROPERTY(e, "campaign.name").size, 0);
    assert_true(is(PROPERTY(request.item[1].event, "campaign.name"), "all"));
    assert_int_equal(request.item[2].code, CLADE_TRACKING_E_NO_IDENTITY);
    assert_int_equal(request.item[2].index, 2);
}

static void the_times_of_a_batch_stand_in_for_those_an_item_lacks(void **state)
{
    (void)state;
    read_body(
        CLADE_TRACKING_BATCH,
        "{\"timestamp\":\"2026-11-25T18:39:57Z\",\"sentAt\":\"2026-11-25T18:40:00Z\",\"batch\":["
        "{\"type\":\"page\",\"userId\":\"u\"},{\"type\":\"page\",\"userId\":\"u\",\"timestamp\":"
        "\"2026-11-25T18:39:50Z\",\"sentAt\":\"2026-11-25T18:39:51Z\"}]}");
    assert_int_equal(request.item[0].event->at_us, RECEIVED_US - 3 * CLADE_US_PER_SECOND);
    assert_int_equal(request.item[1].event->at_us, RECEIVED_US - 1 * CLADE_US_PER_SECOND);
}

static void items_that_are_none_are_refused_one_by_one(void **state)
{
    (void)state;
    static const clade_tracking_code wanted[] = {
        CLADE_TRACKING_E_NOT_OBJECT, CLADE_TRACKING_E_NOT_OBJECT, CLADE_TRACKING_E_NO_TYPE,
        CLADE_TRACKING_E_NO_TYPE,    CLADE_TRACKING_OK,           CLADE_TRACKING_E_NO_NAME
    };
    read_body(CLADE_TRACKING_BATCH,
              "{\"batch\":[3,\"x\",{\"userId\":\"u\"},{\"userId\":\"u\",\"type\":\"delete\"},"
              "{\"userId\":\"u\",\"type\":\"identify\"},{\"userId\":\"u\",\"type\":\"track\"}]}");
    assert_int_equal(request.n_items, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(request.item[i].code, wanted[i]);
        assert_true(request.item[i].key != 0);
    }
    assert_int_equal(request.n_accepted, 1);
}

static void too_many_events_too_large_events_and_too_many_lines_are_refused(void **state)
{
    (void)state;
    clade_buffer           body    = { 0 };
    clade_tracking_options options = clade_tracking_defaults();
    options.max_events             = 3;
    options.max_event_bytes        = 100;
    options.max_lines              = 4;
    clade_tracking *const small    = clade_tracking_create(&options);
    assert_non_null(small);
    clade_buffer_text(&body, "{\"batch\":[");
    for (int i = 0; i < 5; i++)
        clade_buffer_text(&body, "{\"type\":\"page\",\"userId\":\"u\"},");
    clade_buffer_format(&body, "{\"type\":\"page\",\"userId\":\"u\",\"name\":\"%070d\"}]}", 7);
    check_ok(clade_tracking_read(&request, small, CLADE_TRACKING_BATCH,
                                 (clade_text){ body.data, body.size }, RECEIVED_US, NULL));
    assert_int_equal(request.n_accepted, 3);
    assert_int_equal(request.item[3].code, CLADE_TRACKING_E_TOO_MANY);
    assert_int_equal(request.item[5].code, CLADE_TRACKING_E_EVENT_LARGE);
    check_ok(clade_tracking_read(
        &request, small, CLADE_TRACKING_TRACK,
        CLADE_TEXT(
            "{\"userId\":\"u\",\"event\":\"purchase\",\"properties\":{\"items\":[1,2,3,4,5]}}"),
        RECEIVED_US, NULL));
    assert_int_equal(request.item[0].code, CLADE_TRACKING_E_TOO_MANY_LINES);
    clade_tracking_free(small);
    clade_buffer_free(&body);
}

static void properties_above_the_bound_are_counted_and_the_last_of_a_name_counts(void **state)
{
    (void)state;
    clade_buffer body = { 0 };
    clade_buffer_text(&body, "{\"userId\":\"u\",\"event\":\"x\",\"properties\":{\"p0\":\"old\"");
    for (int i = 0; i < 307; i++)
        clade_buffer_format(&body, ",\"p%d\":%d", i, i);
    clade_buffer_text(&body, "}}");
    const clade_live_event *e = one(CLADE_TRACKING_TRACK, body.data);
    assert_int_equal(e->n_properties, 300);
    assert_true(is(PROPERTY(e, "p0"), "0"));
    assert_int_equal(request.n_notes, 1);
    assert_int_equal(request.note[0].code, CLADE_TRACKING_N_PROPERTIES);
    assert_true(is(request.note[0].value, "7 more"));

    /* What is nested counts as well, and what is null is nothing. */
    clade_buffer_clear(&body);
    clade_buffer_text(&body, "{\"userId\":\"u\",\"event\":\"x\",\"properties\":{\"n\":{\"z\":null");
    for (int i = 0; i < 305; i++)
        clade_buffer_format(&body, ",\"p%d\":%d", i, i);
    clade_buffer_text(&body, "},\"more\":1}}");
    e = one(CLADE_TRACKING_TRACK, body.data);
    assert_int_equal(e->n_properties, 300);
    assert_true(is(PROPERTY(e, "n.p299"), "299"));
    assert_true(is(request.note[0].value, "6 more"));
    clade_buffer_free(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_path_of_the_apis_is_known_and_no_other),
        cmocka_unit_test(what_is_malformed_says_where_and_what_is_too_large_says_how_much),
        cmocka_unit_test(the_write_key_of_a_body_is_told_to_the_caller),
        cmocka_unit_test(ids_that_stand_for_nobody_are_refused_and_never_join_strangers),
        cmocka_unit_test(an_event_of_nobody_is_refused_and_numbers_are_ids),
        cmocka_unit_test(the_clock_of_the_client_cancels_out),
        cmocka_unit_test(a_clock_that_is_years_off_still_tells_how_long_ago_and_is_noted),
        cmocka_unit_test(nothing_happens_after_it_came_and_what_is_no_time_is_when_it_came),
        cmocka_unit_test(the_key_is_of_the_message_id_and_else_of_the_content),
        cmocka_unit_test(without_id_and_time_two_arrivals_are_two_events),
        cmocka_unit_test(a_message_id_has_at_most_a_hundred_characters),
        cmocka_unit_test(identify_takes_names_and_addresses_out_of_the_traits),
        cmocka_unit_test(alias_group_page_and_screen_become_what_they_say),
        cmocka_unit_test(the_context_tells_device_channel_campaign_and_consent),
        cmocka_unit_test(a_batch_shares_its_context_and_an_item_replaces_members_of_it),
        cmocka_unit_test(the_times_of_a_batch_stand_in_for_those_an_item_lacks),
        cmocka_unit_test(items_that_are_none_are_refused_one_by_one),
        cmocka_unit_test(too_many_events_too_large_events_and_too_many_lines_are_refused),
        cmocka_unit_test(properties_above_the_bound_are_counted_and_the_last_of_a_name_counts),
    };
    return cmocka_run_group_tests(tests, start_reader, stop_reader);
}
