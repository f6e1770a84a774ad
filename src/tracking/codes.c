/* Codes and hints: stable words for clients. docs/formats/tracking.md lists them. */
#include "internal.h"

#include <assert.h>

static const struct {
    const char *name, *hint;
} CODES[CLADE_N_TRACKING_CODE] = {
    [CLADE_TRACKING_OK]            = { "OK", "" },
    [CLADE_TRACKING_E_MALFORMED]   = { "E_MALFORMED",
                                       "Send one JSON object; a batch is {\"batch\":[...]}." },
    [CLADE_TRACKING_E_BODY_LARGE]  = { "E_BODY_LARGE", "Send fewer events in one request." },
    [CLADE_TRACKING_E_NOT_OBJECT]  = { "E_NOT_OBJECT", "An event is a JSON object." },
    [CLADE_TRACKING_E_NO_TYPE]     = { "E_NO_TYPE",
                                       "Set type to identify, track, page, screen, group or alias." },
    [CLADE_TRACKING_E_NO_IDENTITY] = { "E_NO_IDENTITY",
                                       "Send userId or anonymousId (GA4: client_id)." },
    [CLADE_TRACKING_E_BLOCKED_ID]  = { "E_BLOCKED_ID",
                                       "This id stands for nobody (null, anonymous, -1, 0000): "
                                        "send the person's own." },
    [CLADE_TRACKING_E_BAD_ID] = { "E_BAD_ID", "An id is a text or a number of at most 500 bytes." },
    [CLADE_TRACKING_E_NO_NAME]     = { "E_NO_NAME",
                                       "Give the event its name (track: event, GA4: name)." },
    [CLADE_TRACKING_E_NO_GROUP]    = { "E_NO_GROUP", "A group call needs groupId." },
    [CLADE_TRACKING_E_NO_PREVIOUS] = { "E_NO_PREVIOUS", "An alias needs previousId." },
    [CLADE_TRACKING_E_MESSAGE_ID]  = { "E_MESSAGE_ID", "A messageId has at most 100 characters." },
    [CLADE_TRACKING_E_EVENT_LARGE] = { "E_EVENT_LARGE",
                                       "Make the event smaller: send references, not "
                                       "contents." },
    [CLADE_TRACKING_E_TOO_MANY]    = { "E_TOO_MANY", "Send fewer events in one batch." },
    [CLADE_TRACKING_E_TOO_MANY_LINES] = { "E_TOO_MANY_LINES",
                                          "Send fewer products in one request." },
    [CLADE_TRACKING_N_ID]             = { "N_ID", "This id stands for nobody and was left out." },
    [CLADE_TRACKING_N_TIME]       = { "N_TIME", "Not a moment up to now in RFC 3339: the moment of "
                                                      "arrival counts." },
    [CLADE_TRACKING_N_SKEW]       = { "N_SKEW",
                                      "The sender's clock is far from ours; times were corrected." },
    [CLADE_TRACKING_N_NUMBER]     = { "N_NUMBER",
                                      "A number came as text and was read; send a JSON number." },
    [CLADE_TRACKING_N_NO_NUMBER]  = { "N_NO_NUMBER", "Not a number: kept as a property only." },
    [CLADE_TRACKING_N_PROPERTIES] = { "N_PROPERTIES",
                                      "More properties than are kept: the first ones are." },
    [CLADE_TRACKING_N_MONEY]      = { "N_MONEY",
                                      "The order's amounts differ; this one was taken for its money." },
    [CLADE_TRACKING_N_LINES]      = { "N_LINES",
                                      "Prices and quantities do not sum to the order's money, which was "
                                           "shared out by them." },
    [CLADE_TRACKING_N_FIELD]      = { "N_FIELD",
                                      "Of another type than this field has: kept as a property." },
};

const char *clade_tracking_code_name(clade_tracking_code code)
{
    assert(code >= 0 && code < CLADE_N_TRACKING_CODE);
    return CODES[code].name;
}

const char *clade_tracking_code_hint(clade_tracking_code code)
{
    assert(code >= 0 && code < CLADE_N_TRACKING_CODE);
    return CODES[code].hint;
}

/* ---------------------------------------------------------------- answers */

static void put(clade_json *json, const char *key, clade_text text)
{
    clade_json_key(json, key);
    clade_json_text_n(json, text.data == NULL ? "" : text.data, text.size);
}

static void put_code(clade_json *json, clade_tracking_code code)
{
    clade_json_put_text(json, "code", clade_tracking_code_name(code));
    clade_json_put_text(json, "hint", clade_tracking_code_hint(code));
}

static void rejected(clade_json *json, const clade_tracking_request *request)
{
    size_t n = 0;
    clade_json_key(json, "rejected");
    clade_json_array(json);
    for (size_t i = 0; i < request->n_items; i++) {
        const clade_tracking_item *const item = &request->item[i];
        if (item->code == CLADE_TRACKING_OK || n++ >= CLADE_TRACKING_MAX_REJECTED) continue;
        clade_json_object(json);
        clade_json_put_int(json, "index", (int64_t)item->index);
        if (item->message_id.size > 0 && item->code != CLADE_TRACKING_E_MESSAGE_ID)
            put(json, "messageId", item->message_id);
        put_code(json, item->code);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
    if (n > CLADE_TRACKING_MAX_REJECTED)
        clade_json_put_int(json, "rejectedMore", (int64_t)n - CLADE_TRACKING_MAX_REJECTED);
}

static void notes(clade_json *json, const clade_tracking_request *request)
{
    clade_json_key(json, "notes");
    clade_json_array(json);
    for (size_t i = 0; i < request->n_notes; i++) {
        const clade_tracking_note *const note = &request->note[i];
        clade_json_object(json);
        clade_json_put_int(json, "index", (int64_t)note->index);
        if (note->field.size > 0) put(json, "field", note->field);
        if (note->value.size > 0) put(json, "value", note->value);
        put_code(json, note->code);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
    if (request->n_notes_more > 0)
        clade_json_put_int(json, "notesMore", (int64_t)request->n_notes_more);
}

void clade_tracking_answer(clade_buffer *out, const clade_tracking_request *request,
                           bool with_notes)
{
    clade_json json = clade_json_start(out, 0);
    clade_json_object(&json);
    clade_json_put_bool(&json, "success", true);
    clade_json_put_int(&json, "accepted", (int64_t)request->n_accepted);
    rejected(&json, request);
    if (with_notes) notes(&json, request);
    clade_json_object_end(&json);
}

void clade_tracking_settings(clade_buffer *out, clade_text write_key, const char *api_host,
                             bool https)
{
    clade_json json = clade_json_start(out, 0);
    clade_json_object(&json);
    clade_json_key(&json, "integrations");
    clade_json_object(&json);
    clade_json_key(&json, "Segment.io");
    clade_json_object(&json);
    put(&json, "apiKey", write_key);
    clade_json_put_text(&json, "apiHost", api_host);
    clade_json_put_text(&json, "protocol", https ? "https" : "http");
    clade_json_put_bool(&json, "addBundledMetadata", true);
    clade_json_key(&json, "unbundledIntegrations");
    clade_json_array(&json);
    clade_json_array_end(&json);
    clade_json_object_end(&json);
    clade_json_object_end(&json);
    clade_json_key(&json, "plan");
    clade_json_object(&json);
    clade_json_key(&json, "track");
    clade_json_object(&json);
    clade_json_key(&json, "__default");
    clade_json_object(&json);
    clade_json_put_bool(&json, "enabled", true);
    clade_json_key(&json, "integrations");
    clade_json_object(&json);
    clade_json_object_end(&json);
    clade_json_object_end(&json);
    clade_json_object_end(&json);
    clade_json_object_end(&json);
    clade_json_key(&json, "remotePlugins");
    clade_json_array(&json);
    clade_json_array_end(&json);
    clade_json_key(&json, "middlewareSettings");
    clade_json_object(&json);
    clade_json_object_end(&json);
    clade_json_object_end(&json);
}
