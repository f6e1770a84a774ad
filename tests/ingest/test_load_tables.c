/* The tables beside `event`, each with its own rule for "the same again", and what is personal. */
#include "load_help.h"

#include <dirent.h>

static void an_attribute_that_changed_is_a_new_version_and_one_that_did_not_is_none(void **state)
{
    (void)state;
    shop            s    = shop_make();
    clade_load_file file = shop_load_text(&s, "customers.csv",
                                          "customer_id,city,tier,registered_at\n"
                                          "a,Lyon,gold,2021-03-04\n"
                                          "b,Turin,silver,2022-05-06\n",
                                          NULL);
    assert_int_equal(file.shape, CLADE_SHAPE_CUSTOMERS);
    assert_int_equal(file.n_stored, 2);
    shop_is(&s, 6, "SELECT count(*) FROM customer"); /* city, tier and the day they signed up */
    const clade_load_options later = { .now_us = TEST_NOW + CLADE_US_PER_DAY };
    file                           = shop_load_text(&s, "customers2.csv",
                                                    "customer_id,city,tier,registered_at\n"
                                                                              "a,Lyon,platinum,2021-03-04\n"
                                                                              "b,Turin,silver,2022-05-06\n",
                                                    &later);
    assert_int_equal(file.n_stored, 1);
    assert_int_equal(file.n_duplicate, 1);
    shop_is(&s, 7, "SELECT count(*) FROM customer");
    shop_is(&s, TEST_NOW + CLADE_US_PER_DAY,
            "SELECT known_us FROM customer WHERE value = 'platinum'");
    shop_is(&s, 1614816000000000, "SELECT known_us FROM customer WHERE value = 'gold'");
    shop_remove(&s);
}

/* Every file of the workspace, byte by byte. */
static bool folder_holds(const char *folder, const char *needle)
{
    char           path[700];
    bool           found = false;
    DIR           *dir   = opendir(folder);
    struct dirent *entry;
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%.400s/%.250s", folder, entry->d_name);
        if (entry->d_type == DT_DIR) {
            found |= folder_holds(path, needle);
            continue;
        }
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        char   piece[8192 + 64];
        size_t kept = 0, got;
        while ((got = fread(piece + kept, 1, 8192, file)) > 0) {
            const size_t n = kept + got;
            found |= memmem(piece, n, needle, strlen(needle)) != NULL;
            kept = n < 63 ? n : 63;
            memmove(piece, piece + n - kept, kept);
        }
        fclose(file);
    }
    closedir(dir);
    return found;
}

static void what_is_personal_lies_nowhere_in_the_clear(void **state)
{
    (void)state;
    static const char *const secrets[] = { "Quillfeather",
                                           "qf@post.example",
                                           "+49 30 5550199",
                                           "Lindenweg 7",
                                           "loves-blue@mail.example",
                                           "my number is 13912345678",
                                           "qf-id@post.example",
                                           "rawsecret" };
    shop                     s         = shop_make();
    shop_load_text(&s, "customers.csv",
                   "customer_id,full_name,email,phone,address,tier,note\n"
                   "qf-id@post.example,Nora Quillfeather,qf@post.example,+49 30 5550199,Lindenweg "
                   "7,gold,write to loves-blue@mail.example\n",
                   NULL);
    shop_load_text(&s, "events.csv",
                   "user_id,event_time,event_type,item_id,search_query\n"
                   "qf-id@post.example,2023-05-01T10:00:00Z,search,,shoes like "
                   "loves-blue@mail.example\n"
                   "qf-id@post.example,2023-05-01T10:00:03Z,search,,my number is 13912345678\n"
                   "qf-id@post.example,rawsecret,view,x,\n",
                   NULL);
    shop_load_text(
        &s, "reviews.csv",
        "user_id,item_id,rating,review_text,review_time\n"
        "qf-id@post.example,x,4,\"Nora Quillfeather of Lindenweg 7 likes it\",2023-05-02\n",
        NULL);
    shop_is(&s, 1, "SELECT count(*) FROM event WHERE query = 'shoes like [removed]'");
    shop_is(&s, 1, "SELECT count(*) FROM event WHERE query = 'my number is [removed]'");
    shop_is(&s, 1, "SELECT count(*) FROM quarantine");
    shop_is(&s, 1, "SELECT count(DISTINCT customer) FROM identity");
    check_ok(clade_store_checkpoint(s.store, NULL));
    clade_store_close(s.store);
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        if (folder_holds(s.workspace, secrets[i])) fail_msg("%s lies in the clear", secrets[i]);
    }
    shop_open(&s);
    shop_remove(&s);
}

static void a_catalogue_tells_of_items_from_the_start(void **state)
{
    (void)state;
    shop s = shop_make();
    shop_load_text(&s, "orders.csv",
                   "order_id,customer_id,order_date,product_id,quantity,unit_price\n"
                   "1,a,2023-01-05 10:00:00,x,6,2.55\n",
                   NULL);
    shop_is(&s, 1, "SELECT count(*) FROM item WHERE ref = 'x' AND category IS NULL");
    static const char items[] = "product_id,product_name,category,subcategory,brand,price\n"
                                "x,Mug,Kitchen,Cups,Norvik,2.95\ny,Pan,Kitchen,Pans,Norvik,24.50\n";
    clade_load_file   file    = shop_load_text(&s, "items.csv", items, NULL);
    assert_int_equal(file.shape, CLADE_SHAPE_ITEMS);
    assert_int_equal(file.n_stored, 2);
    shop_is(&s, 2, "SELECT count(*) FROM item");
    shop_is(&s, 1,
            "SELECT count(*) FROM item WHERE ref = 'x' AND category = 'Kitchen > Cups' AND item = "
            "(SELECT item FROM event)");
    file = shop_load_text(&s, "items.csv", items, NULL);
    assert_int_equal(file.n_duplicate, 2);
    file = shop_load_text(&s, "items2.csv",
                          "product_id,product_name,category,subcategory,brand,price\n"
                          "x,Mug,Kitchen,Cups,Norvik,3.25\ny,Pan,Kitchen,Pans,Norvik,24.50\n",
                          NULL);
    assert_int_equal(file.n_stored, 1);
    shop_is(&s, 325, "SELECT max_by(price_minor, known_us) FROM item WHERE ref = 'x'");
    shop_remove(&s);
}

static void ties_contacts_and_rivals_are_known_again(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *table;
        clade_shape shape;
    } cases[] = {
        { "friends.csv", "user_id,friend_id\n1,2\n2,1\n1,3\n", "SELECT count(*) FROM edge",
          CLADE_SHAPE_EDGES },
        { "campaigns.csv",
          "campaign_id,customer_id,sent_at,arm,outcome\nc1,1,2023-01-01,mail,0\n"
          "c1,2,2023-01-01,mail,1\nc1,3,2023-01-01,none,0\n",
          "SELECT count(*) FROM touch", CLADE_SHAPE_TOUCHES },
        { "rivals.csv",
          "competitor,product_id,date,price\nMart,x,2023-01-01,2.40\n"
          "Mart,x,2023-01-02,2.45\nShoply,x,2023-01-01,2.40\n",
          "SELECT count(*) FROM rival_price", CLADE_SHAPE_RIVAL_PRICES },
        { "reviews.csv",
          "user_id,item_id,rating,review_text,review_time\n1,x,4,fine,2023-05-02\n"
          "2,x,4,fine,2023-05-02\n1,y,2,no,2023-05-03\n",
          "SELECT count(*) FROM survey", CLADE_SHAPE_REVIEWS },
    };
    shop s = shop_make();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        clade_load_file file = shop_load_text(&s, cases[i].name, cases[i].text, NULL);
        assert_int_equal(file.shape, cases[i].shape);
        assert_int_equal(file.n_stored, 3);
        clade_store_close(s.store);
        shop_open(&s);
        file = shop_load_text(&s, cases[i].name, cases[i].text, NULL);
        assert_int_equal(file.n_duplicate, 3);
        shop_is(&s, 3, cases[i].table);
    }
    shop_is(&s, 3, "SELECT count(*) FROM event WHERE kind = 'review'");
    shop_remove(&s);
}

static void equal_answers_of_unknown_people_stay_and_loading_again_adds_none(void **state)
{
    (void)state;
    static const char        text[] = "label,review\n1,很好\n1,很好\n0,太差\n";
    shop                     s      = shop_make();
    const clade_load_options with   = { .shape = CLADE_SHAPE_REVIEWS, .now_us = TEST_NOW };
    clade_load_file          file   = shop_load_text(&s, "hotel.csv", text, &with);
    assert_int_equal(file.n_stored, 3);
    clade_store_close(s.store);
    shop_open(&s);
    file = shop_load_text(&s, "hotel.csv", text, &with);
    assert_int_equal(file.n_duplicate, 3);
    shop_remove(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_attribute_that_changed_is_a_new_version_and_one_that_did_not_is_none),
        cmocka_unit_test(what_is_personal_lies_nowhere_in_the_clear),
        cmocka_unit_test(a_catalogue_tells_of_items_from_the_start),
        cmocka_unit_test(ties_contacts_and_rivals_are_known_again),
        cmocka_unit_test(equal_answers_of_unknown_people_stay_and_loading_again_adds_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
