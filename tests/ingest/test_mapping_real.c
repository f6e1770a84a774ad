/* Real logs that nobody here made: their columns, shapes and rows (shared/data/README.md). */
#include "reading.h"

static clade_mapping mapping;

static void check_real(const char *file, clade_shape shape, int64_t n_rows, const char *wanted)
{
    char          path[512];
    clade_reader *reader = NULL;
    clade_error   err    = { 0 };
    clade_row     row;
    bool          more = true;
    int64_t       n    = 0;
    if (check_data(path, file) == NULL) skip();
    if (clade_reader_open(&reader, path, NULL, &err) != CLADE_OK) print_error("%s\n", err.message);
    assert_non_null(reader);
    char *line = guess_mapping(&mapping, reader);
    if (strcmp(line, wanted) != 0) print_error("%s\n", file);
    assert_string_equal(line, wanted);
    assert_string_equal(clade_shape_name(mapping.shape), clade_shape_name(shape));
    free(line);

    reader = NULL;
    check_ok(clade_reader_open(&reader, path, NULL, &err));
    for (;;) {
        check_ok(clade_reader_next(&row, &more, reader, &err));
        if (!more) break;
        assert_null(row.bad);
        n++;
    }
    assert_int_equal(n, n_rows);
    clade_reader_close(reader);
}

static void online_retail(void **state)
{
    (void)state;
    check_real(
        "online-retail/transactions.csv.zst", CLADE_SHAPE_ORDERS, 420817,
        "InvoiceNo=order StockCode=item Description=item_name Quantity=quantity InvoiceDate=time "
        "UnitPrice=price CustomerID=customer");
    assert_int_equal(mapping.column[4].resolution_us, 60 * CLADE_US_PER_SECOND);
    assert_true(mapping.column[4].date_proved);
}

static void cdnow(void **state)
{
    (void)state;
    check_real("cdnow/master.csv.zst", CLADE_SHAPE_ORDERS, 69659,
               "customer_id=customer date=time cds=quantity dollars=amount");
    assert_string_equal(mapping.currency, "USD");
    check_real("cdnow/sample_1_10.csv.zst", CLADE_SHAPE_ORDERS, 6919,
               "master_customer_id=customer date=time cds=quantity dollars=amount");
}

static void complete_journey(void **state)
{
    (void)state;
    check_real(
        "complete-journey/transactions_sample.csv.zst", CLADE_SHAPE_ORDERS, 75000,
        "household_id=customer store_id=channel basket_id=order product_id=item quantity=quantity "
        "sales_value=amount retail_disc=discount transaction_timestamp=time");
    check_real("complete-journey/demographics.csv.zst", CLADE_SHAPE_CUSTOMERS, 801,
               "household_id=customer age=attribute income=attribute home_ownership=attribute "
               "marital_status=attribute household_size=attribute household_comp=attribute "
               "kids_count=attribute");
    check_real("complete-journey/products.csv.zst", CLADE_SHAPE_ITEMS, 92331,
               "product_id=item manufacturer_id=attribute department=category brand=brand "
               "product_category=subcategory product_type=attribute package_size=attribute");
    check_real("complete-journey/coupon_redemptions.csv.zst", CLADE_SHAPE_TOUCHES, 2102,
               "household_id=customer coupon_upc=coupon campaign_id=campaign redemption_date=time");
    check_real("complete-journey/campaigns.csv.zst", CLADE_SHAPE_TOUCHES, 6589,
               "campaign_id=campaign household_id=customer");
}

static void baskets_and_sparse_logs(void **state)
{
    (void)state;
    check_real("tafeng-baskets/baskets.csv.zst", CLADE_SHAPE_ORDERS, 91227,
               "user_id=customer basket_no=sequence items=items");
    check_real("alibaba-mobile-sample/events.csv.zst", CLADE_SHAPE_EVENTS, 1999,
               "user_id=customer item_id=item behavior_type=kind item_category=category time=time");
    assert_int_equal(mapping.column[5].resolution_us, CLADE_US_PER_HOUR);
    check_real("retailrocket-sessions/raw_view_sample.csv.zst", CLADE_SHAPE_EVENTS, 10080,
               "timestamp=time user_id=customer item_id=item session_id=session");
    assert_int_equal(mapping.column[0].time_unit, 1);
    check_real(
        "diginetica/raw_item_views_sample.csv.zst", CLADE_SHAPE_EVENTS, 12391,
        "session_id=session user_id=customer item_id=item timeframe=offset_ms eventdate=date");
    check_real("yoochoose-1-64/raw_clicks_sample.csv.zst", CLADE_SHAPE_EVENTS, 1913,
               "session_id=session timestamp=time item_id=item category=category");
    check_real("amazon-beauty/sequences.csv.zst", CLADE_SHAPE_EVENTS, 22363,
               "user_id=customer items=items");
}

static void reviews_and_ratings(void **state)
{
    (void)state;
    check_real("amazon-instruments-reviews/reviews.csv.zst", CLADE_SHAPE_REVIEWS, 10261,
               "user_id=customer item_id=item rating=rating unix_time=time text=text");
    check_real("ml-100k/ratings.csv.zst", CLADE_SHAPE_REVIEWS, 100000,
               "user_id=customer item_id=item rating=rating timestamp=time");
    check_real("zh-reviews/online_shopping_10_cats.csv.zst", CLADE_SHAPE_REVIEWS, 62774,
               "cat=category label=rating review=text");
    check_real("zh-reviews/hotel.csv.zst", CLADE_SHAPE_REVIEWS, 7766, "label=rating review=text");
}

static void tables_of_customers_items_and_friends(void **state)
{
    (void)state;
    char        path[512];
    clade_error err = { 0 };
    if (check_data(path, "marketing-campaign/customers.csv.zst") == NULL) skip();
    clade_reader *reader = NULL;
    check_ok(clade_reader_open(&reader, path, NULL, &err));
    char *line = guess_mapping(&mapping, reader);
    assert_int_equal(mapping.shape, CLADE_SHAPE_CUSTOMERS);
    assert_non_null(strstr(line, "ID=customer Year_Birth=attribute"));
    assert_non_null(strstr(line, "Dt_Customer=registered"));
    free(line);
    check_real(
        "sportswear-daily/items.csv.zst", CLADE_SHAPE_ITEMS, 9028,
        "pid=item size=attribute color=attribute brand=brand rrp=price mainCategory=category "
        "category=attribute subCategory=subcategory stock=stock releaseDate=attribute");
    check_real("lastfm-social/friends.csv.zst", CLADE_SHAPE_EDGES, 25434,
               "user_id=customer friend_id=other_customer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(online_retail),
        cmocka_unit_test(cdnow),
        cmocka_unit_test(complete_journey),
        cmocka_unit_test(baskets_and_sparse_logs),
        cmocka_unit_test(reviews_and_ratings),
        cmocka_unit_test(tables_of_customers_items_and_friends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
