/* Any bytes as the body of every endpoint: the first byte picks it. What is read obeys the laws of
 * a request, and its records are the same events again. The rest is also read as a record. */
#include "fuzz.h"

#include "../tracking/same_events.h"

static const int64_t RECEIVED_US = INT64_C(1795632010000000);

static void check_text(clade_text text)
{
    FUZZ_CHECK(clade_utf8_valid(text.data == NULL ? "" : text.data, text.size) == text.size);
}

static void check_item(const clade_tracking_item *item)
{
    FUZZ_CHECK(item->key != 0);
    FUZZ_CHECK((item->code == CLADE_TRACKING_OK) == (item->n_events > 0));
    for (size_t i = 0; i < item->n_events; i++) {
        const clade_live_event *const e = &item->event[i];
        FUZZ_CHECK(e->message_key != 0 && e->at_us != 0 && e->at_us <= e->received_us);
        FUZZ_CHECK(e->user_id.size + e->anonymous_id.size > 0);
        check_text(e->item);
        check_text(e->query);
        check_text(e->name);
        for (size_t k = 0; k < e->n_properties; k++)
            check_text(e->property[k].value);
    }
}

static void check_request(clade_tracking *first, clade_tracking *second,
                          const clade_tracking_request *request)
{
    clade_buffer record = { 0 }, answer = { 0 };
    size_t       n_accepted = 0, n_events = 0;
    for (size_t i = 0; i < request->n_items; i++) {
        clade_tracking_request again;
        uint64_t               source = 0;
        check_item(&request->item[i]);
        n_accepted += request->item[i].code == CLADE_TRACKING_OK;
        n_events += request->item[i].n_events;
        clade_buffer_clear(&record);
        clade_tracking_record(&record, first, request, i, 9);
        FUZZ_CHECK(clade_tracking_record_parse(&again, &source, second,
                                               (clade_text){ record.data, record.size },
                                               NULL) == CLADE_OK);
        FUZZ_CHECK(source == 9);
        FUZZ_CHECK(same_item(&request->item[i], &again.item[0]));
    }
    FUZZ_CHECK(n_accepted == request->n_accepted && n_events == request->n_events);
    clade_tracking_answer(&answer, request, true);
    FUZZ_CHECK(clade_utf8_valid(answer.data, answer.size) == answer.size);
    clade_buffer_free(&record);
    clade_buffer_free(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static clade_tracking *first, *second;
    clade_tracking_request request;
    uint64_t               source;
    if (first == NULL) {
        first  = clade_tracking_create(NULL);
        second = clade_tracking_create(NULL);
    }
    if (first == NULL || second == NULL || size == 0) return 0;
    const clade_text              body = { (const char *)data + 1, size - 1 };
    const clade_tracking_endpoint endpoint =
        (clade_tracking_endpoint)(data[0] % CLADE_N_TRACKING_ENDPOINT);
    if (clade_tracking_read(&request, first, endpoint, body, RECEIVED_US, NULL) == CLADE_OK)
        check_request(first, second, &request);
    if (clade_tracking_record_parse(&request, &source, first, body, NULL) == CLADE_OK)
        check_item(&request.item[0]);
    return 0;
}
