/* The document and the code say the same: every route is in it, and nothing else is. */
#include "check.h"

#include "clade/json.h"
#include "clade/server.h"

#include <string.h>

static clade_arena    *arena;
static clade_json_tree tree;

static int read_document(void **state)
{
    (void)state;
    clade_error err = { 0 };
    arena           = clade_arena_create(0);
    check_ok(clade_json_parse(&tree, clade_text_of(clade_server_openapi()), arena, &err));
    return 0;
}

static int end(void **state)
{
    (void)state;
    clade_arena_free(arena);
    return 0;
}

static const clade_json_node *paths(void)
{
    const clade_json_node *const node = clade_json_get(&tree, tree.node, "paths");
    assert_non_null(node);
    return node;
}

static void every_route_is_in_the_document(void **state)
{
    (void)state;
    size_t n = 0;
    for (; clade_server_route_get(n).pattern != NULL; n++) {
        const clade_server_route     route     = clade_server_route_get(n);
        const clade_json_node *const path      = clade_json_get(&tree, paths(), route.pattern);
        char                         method[8] = { 0 };
        for (size_t i = 0; route.method[i] != '\0'; i++)
            method[i] = (char)(route.method[i] | 32);
        if (path != NULL && clade_json_get(&tree, path, method) != NULL) continue;
        print_error("%s %s is not in openapi.json\n", route.method, route.pattern);
        fail();
    }
    assert_true(n > 30);
}

static bool is_served(clade_text method, clade_text pattern)
{
    for (size_t n = 0; clade_server_route_get(n).pattern != NULL; n++) {
        const clade_server_route route = clade_server_route_get(n);
        if (clade_text_equal(pattern, clade_text_of(route.pattern)) &&
            clade_text_equal_nocase(method, clade_text_of(route.method)))
            return true;
    }
    return false;
}

static void everything_in_the_document_is_a_route(void **state)
{
    (void)state;
    const clade_json_node *path = paths() + 1;
    for (uint32_t i = 0; i < paths()->n; i++, path = tree.node + path->next) {
        const clade_json_node *method = path + 1;
        for (uint32_t k = 0; k < path->n; k++, method = tree.node + method->next) {
            if (is_served(method->key, path->key)) continue;
            print_error("nothing serves %.*s %.*s\n", (int)method->key.size, method->key.data,
                        (int)path->key.size, path->key.data);
            fail();
        }
    }
}

/* "#/components/schemas/Customer" leads somewhere. */
static void every_reference_leads_to_something(void **state)
{
    (void)state;
    size_t n = 0;
    for (size_t i = 0; i < tree.n; i++) {
        const clade_json_node *at = tree.node;
        char                   text[200];
        if (!clade_text_equal(tree.node[i].key, CLADE_TEXT("$ref"))) continue;
        snprintf(text, sizeof text, "%.*s", (int)tree.node[i].text.size, tree.node[i].text.data);
        assert_true(strncmp(text, "#/", 2) == 0);
        for (char *part = strtok(text + 2, "/"); part != NULL && at != NULL;
             part       = strtok(NULL, "/"))
            at = clade_json_get(&tree, at, part);
        assert_non_null(at);
        n++;
    }
    assert_true(n > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_is_in_the_document),
        cmocka_unit_test(everything_in_the_document_is_a_route),
        cmocka_unit_test(every_reference_leads_to_something),
    };
    return cmocka_run_group_tests(tests, read_document, end);
}
