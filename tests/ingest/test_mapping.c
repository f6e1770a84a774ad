/* Mapping: names in two languages, exports of known systems, values, the user's word. */
#include "reading.h"

static clade_mapping mapping; /* too large for the stack */

static void names_are_known_in_english_and_chinese(void **state)
{
    (void)state;
    check_mapping(
        READ("订单号,用户ID,下单时间,商品ID,商品名称,数量,单价,实付金额(元),手机号,收货地址,渠道\n"
             "A1,u7,2023-11-11 09:00:05,s1,茶杯,2,15.00,30.00,13800138000,上海市,微信\n"
             "A2,u8,2023-11-11 09:01:05,s2,盘子,1,20.50,20.50,13900139000,北京市,APP\n"),
        CLADE_SHAPE_ORDERS,
        "订单号=order 用户ID=customer 下单时间=time 商品ID=item 商品名称=item_name 数量=quantity "
        "单价=price 实付金额(元)=amount 手机号=phone 收货地址=address 渠道=channel");
    check_mapping(READ("Order ID,Customer,Order Date,SKU,Qty,Total Amount\n1,a,2020-01-02,x,1,2.5\n"
                       "2,b,2020-01-03,y,2,3.5\n"),
                  CLADE_SHAPE_ORDERS,
                  "Order ID=order Customer=customer Order Date=time SKU=item Qty=quantity Total "
                  "Amount=amount");
}

static void shopify_orders_are_known_as_a_whole(void **state)
{
    (void)state;
    check_mapping(
        READ("Name,Email,Financial Status,Paid at,Fulfillment Status,Accepts "
             "Marketing,Currency,Subtotal,"
             "Shipping,Taxes,Total,Discount Code,Discount Amount,Created at,Lineitem "
             "quantity,Lineitem "
             "name,Lineitem price,Lineitem sku,Billing Name,Billing Phone,Vendor,Id,Source\n"
             "#1001,a@b.com,paid,2020-01-02 10:00:00 "
             "+0100,fulfilled,no,EUR,20.00,5,1,25,,0,2020-01-02 "
             "09:59:00 +0100,2,Tea,10.00,T-1,Ann,+49 30 123,Acme,99,web\n"
             "#1002,c@d.com,paid,2020-01-03 10:00:00 "
             "+0100,fulfilled,no,EUR,20.00,5,1,25,,0,2020-01-03 "
             "09:59:00 +0100,2,Cup,10.00,T-2,Bob,+49 30 124,Acme,98,web\n"),
        CLADE_SHAPE_ORDERS,
        "Name=order Email=customer Financial Status=status Currency=currency Discount Code=coupon "
        "Created at=time Lineitem quantity=quantity Lineitem name=item_name Lineitem price=price "
        "Lineitem sku=item Billing Name=name Billing Phone=phone Vendor=brand Source=channel");
}

static void amazon_and_woocommerce_and_magento_exports_are_known(void **state)
{
    (void)state;
    check_mapping(
        READ("amazon-order-id\tpurchase-date\torder-status\tsales-channel\tproduct-name\tsku\t"
             "asin\tquantity\tcurrency\titem-price\n"
             "111-22\t2020-01-02T10:00:00+00:00\tShipped\tAmazon.de\tTea\tT1\tB01\t1\tEUR\t5.00\n"
             "111-23\t2020-01-03T10:00:00+00:00\tShipped\tAmazon.de\tCup\tT2\tB02\t2\tEUR\t6.00\n"),
        CLADE_SHAPE_ORDERS,
        "amazon-order-id=order purchase-date=time order-status=status sales-channel=channel "
        "product-name=item_name sku=item quantity=quantity currency=currency item-price=amount");
    check_mapping(
        READ("Order ID,Order Date,Order Status,Customer User ID,Email (Billing),SKU,Item Name,"
             "Quantity,Item Cost,Order Total Amount\n"
             "7,2020-01-02 10:00,completed,3,a@b.de,T1,Tea,2,5.00,10.00\n"
             "8,2020-01-03 10:00,completed,4,b@b.de,T2,Cup,1,6.00,6.00\n"),
        CLADE_SHAPE_ORDERS,
        "Order ID=order Order Date=time Order Status=status Customer User ID=customer Email "
        "(Billing)=email SKU=item Item Name=item_name Quantity=quantity Item Cost=price");
    check_mapping(
        READ("entity_id,increment_id,created_at,customer_id,customer_email,grand_total,status,"
             "order_currency_code\n"
             "1,100001,2020-01-02 10:00:00,5,a@b.de,12.50,complete,EUR\n"
             "2,100002,2020-01-03 10:00:00,6,b@b.de,13.50,complete,EUR\n"),
        CLADE_SHAPE_ORDERS,
        "increment_id=order created_at=time customer_id=customer customer_email=email "
        "grand_total=amount status=status order_currency_code=currency");
}

static void taobao_and_jd_orders_are_known(void **state)
{
    (void)state;
    check_mapping(
        READ("订单编号,买家会员名,买家应付货款,买家实际支付金额,订单状态,收货人姓名,收货地址 "
             ",联系手机,订单创建时间,"
             "订单付款时间 ,宝贝标题 ,宝贝总数量\n"
             "1234,tb01,30.00,28.00,交易成功,张三,上海,13800138000,2020-11-11 00:00:01,2020-11-11 "
             "00:01:01,茶杯,2\n"
             "1235,tb02,31.00,29.00,交易成功,李四,北京,13900138000,2020-11-11 00:00:02,2020-11-11 "
             "00:01:02,盘子,1\n"),
        CLADE_SHAPE_ORDERS,
        "订单编号=order 买家会员名=customer 买家应付货款=amount 订单状态=status 收货人姓名=name "
        "收货地址=address 联系手机=phone 订单创建时间=time 宝贝标题=item_name 宝贝总数量=quantity");
    check_mapping(
        READ("订单号,商品ID,商品名称,订购数量,京东价,订单金额,下单时间,下单帐号,订单状态\n"
             "1,100,茶,2,5.00,10.00,2020-06-18 00:00:01,jd_1,完成\n"
             "2,101,杯,1,6.00,6.00,2020-06-18 00:00:02,jd_2,完成\n"),
        CLADE_SHAPE_ORDERS,
        "订单号=order 商品ID=item 商品名称=item_name 订购数量=quantity 京东价=price "
        "订单金额=amount "
        "下单时间=time 下单帐号=customer 订单状态=status");
}

static void event_streams_of_segment_and_google_are_known(void **state)
{
    (void)state;
    check_mapping(READ("{\"messageId\":\"m1\",\"event\":\"Product "
                       "Viewed\",\"userId\":\"u1\",\"anonymousId\":\"a1\","
                       "\"originalTimestamp\":\"2020-01-02T10:00:00.000Z\",\"timestamp\":\"2020-01-"
                       "02T10:00:01.000Z\","
                       "\"properties\":{\"product_id\":\"p1\",\"price\":5.5,\"quantity\":1,"
                       "\"currency\":\"USD\"}}\n"),
                  CLADE_SHAPE_EVENTS,
                  "messageId=message event=kind userId=customer anonymousId=session timestamp=time "
                  "properties.product_id=item properties.price=price properties.quantity=quantity "
                  "properties.currency=currency");
    check_mapping(READ("event_date,event_timestamp,event_name,user_pseudo_id,user_id\n"
                       "20201101,1604195200000000,page_view,12.34,\n20201101,1604195300000000,"
                       "purchase,12.35,\n"),
                  CLADE_SHAPE_EVENTS,
                  "event_timestamp=time event_name=kind user_pseudo_id=customer");
}

static void a_file_without_names_is_read_by_its_values(void **state)
{
    (void)state;
    check_mapping(READ("1,2268318,2520377,pv,1511544070\n1,2333346,2520771,pv,1511561733\n"
                       "100,2576651,149192,buy,1511572885\n"),
                  CLADE_SHAPE_EVENTS,
                  "column_1=customer column_2=item column_3=category column_4=kind column_5=time");
    check_mapping(READ("196\t242\t3\t881250949\n186\t302\t3\t891717742\n22\t377\t1\t878887116\n"),
                  CLADE_SHAPE_REVIEWS,
                  "column_1=customer column_2=item column_3=rating column_4=time");
}

static void personal_data_never_becomes_an_attribute(void **state)
{
    (void)state;
    check_mapping(
        READ("customer_id,first_name,last_name,x7,contact,age,password\n"
             "1,Ann,Lee,ann@x.com,+44 20 7946 0001,31,s3cret\n2,Bob,Ray,bob@x.com,+44 20 7946 "
             "0002,42,hunter2\n"),
        CLADE_SHAPE_CUSTOMERS,
        "customer_id=customer first_name=name last_name=name x7=email contact=phone "
        "age=attribute password=ignore");
}

static void values_refuse_a_name_that_lies(void **state)
{
    (void)state;
    check_mapping(READ("user_id,date,item_id,price\n1,red,7,2.5\n2,blue,8,3.5\n"),
                  CLADE_SHAPE_EVENTS, "user_id=customer item_id=item price=price");
}

static char *guess_text(const char *text)
{
    return guess_mapping(&mapping, read_text(text, strlen(text)));
}

static void the_order_of_a_date_is_proved_or_said_to_be_a_guess(void **state)
{
    (void)state;
    free(guess_text("order_id,customer_id,date\n1,a,12/1/2010 8:26\n2,b,12/13/2010 8:26\n"));
    assert_int_equal(mapping.column[2].date_order, CLADE_DATE_MDY);
    assert_true(mapping.column[2].date_proved);
    assert_int_equal(mapping.column[2].resolution_us, 60 * CLADE_US_PER_SECOND);
    free(guess_text("order_id,customer_id,date\n1,a,1.12.2010\n2,b,13.12.2010\n"));
    assert_int_equal(mapping.column[2].date_order, CLADE_DATE_DMY);
    assert_true(mapping.column[2].date_proved);
    assert_int_equal(mapping.column[2].resolution_us, CLADE_US_PER_DAY);
    /* Nothing above 12: days in a row within one month, read month first they would leap. */
    free(guess_text("order_id,customer_id,date\n1,a,01/03/2010\n2,b,02/03/2010\n3,c,03/03/2010\n"));
    assert_int_equal(mapping.column[2].date_order, CLADE_DATE_DMY);
    assert_false(mapping.column[2].date_proved);
    free(guess_text("order_id,customer_id,date\n1,a,03/01/2010\n2,b,03/02/2010\n3,c,03/03/2010\n"));
    assert_int_equal(mapping.column[2].date_order, CLADE_DATE_MDY);
    assert_false(mapping.column[2].date_proved);
}

static void decimal_commas_units_and_currencies_are_seen_in_values(void **state)
{
    (void)state;
    free(guess_text("order_id;customer_id;date;price;amount\n1;a;40513,5;1.250;€ 12,50\n"
                    "2;b;40514;2.500;€ 1.012,75\n"));
    assert_true(mapping.column[4].decimal_comma);
    assert_true(mapping.column[3].decimal_comma); /* "1.250" alone could be either */
    assert_string_equal(mapping.currency, "EUR");
    free(guess_text("user_id,item_id,timestamp\n1,7,1442004589439\n2,8,1442004759591\n"));
    assert_int_equal(mapping.column[2].time_unit, 2);
    free(guess_text("order_id,user_id,date,total\n1,7,40513.35,$5\n2,8,40514.5,$6\n"));
    assert_int_equal(mapping.column[2].time_unit, 4);
    assert_string_equal(mapping.currency, "USD");
}

static void a_date_and_a_clock_make_a_moment_together(void **state)
{
    (void)state;
    check_mapping(
        READ("date,time,user_id,item_id\n2020-01-02,10:30,1,7\n2020-01-03,11:30:05,2,8\n"),
        CLADE_SHAPE_EVENTS, "date=date time=clock user_id=customer item_id=item");
}

static void the_users_word_counts_and_mistakes_are_explained(void **state)
{
    (void)state;
    static const char *const columns[] = { "a", "Käufer", "wann" };
    clade_error              err       = { 0 };
    clade_mapping_guess(&mapping, columns, 3, NULL, 0);
    assert_int_equal(mapping.shape, CLADE_SHAPE_UNKNOWN);
    check_ok(clade_mapping_override(&mapping, columns, "Käufer=customer", &err));
    check_ok(clade_mapping_override(&mapping, columns, "a=item", &err));
    check_ok(clade_mapping_override(&mapping, columns, "wann=time", &err));
    assert_int_equal(mapping.column[1].field, CLADE_FIELD_CUSTOMER);
    check_close(mapping.column[1].confidence, 1.0, 0);
    assert_int_equal(mapping.shape, CLADE_SHAPE_EVENTS);
    check_ok(clade_mapping_override(&mapping, columns, "a=customer", &err)); /* one customer only */
    assert_int_equal(mapping.column[1].field, CLADE_FIELD_NONE);
    check_ok(clade_mapping_override(&mapping, columns, "shape=orders", &err));
    check_ok(clade_mapping_override(&mapping, columns, "currency=eur", &err));
    check_ok(clade_mapping_override(&mapping, columns, "zone=Europe/London", &err));
    assert_string_equal(mapping.currency, "EUR");
    assert_string_equal(mapping.zone, "Europe/London");

    assert_int_equal(clade_mapping_override(&mapping, columns, "wan=time", &err), CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "no column \"wan\""));
    assert_non_null(strstr(err.hint, "wann"));
    assert_int_equal(clade_mapping_override(&mapping, columns, "a=custmer", &err), CLADE_ERR_ARG);
    assert_non_null(strstr(err.hint, "customer"));
    assert_int_equal(clade_mapping_override(&mapping, columns, "a", &err), CLADE_ERR_ARG);
    assert_int_equal(clade_mapping_override(&mapping, columns, "zone=Moon/Sea", &err),
                     CLADE_ERR_ARG);
}

static void a_mapping_written_reads_back_as_itself(void **state)
{
    (void)state;
    static const char *const columns[] = { "Bestellung", "Kunde \"x\"", "Datum", "Betrag" };
    static const char *const other[]   = { "Bestellung", "Kunde \"x\"", "Datum", "Summe" };
    static clade_mapping     back;
    clade_buffer             json = { 0 };
    clade_error              err  = { 0 };
    free(guess_text(
        "order_id;customer_id;date;amount\n1;a;13.12.2010;12,50\n2;b;14.12.2010;1.000,25\n"));
    memcpy(mapping.zone, "Europe/Berlin", 14);
    clade_mapping_write(&json, &mapping, columns);
    check_ok(clade_mapping_read(&back, columns, 4, (clade_text){ json.data, json.size }, &err));
    assert_int_equal(back.shape, mapping.shape);
    assert_string_equal(back.zone, "Europe/Berlin");
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(back.column[i].field, mapping.column[i].field);
        assert_int_equal(back.column[i].decimal_comma, mapping.column[i].decimal_comma);
        assert_int_equal(back.column[i].date_order, mapping.column[i].date_order);
        assert_int_equal(back.column[i].resolution_us, mapping.column[i].resolution_us);
        check_close(back.column[i].confidence, 1.0, 0);
    }
    const clade_status status =
        clade_mapping_read(&back, other, 4, (clade_text){ json.data, json.size }, &err);
    assert_int_equal(status, CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "Betrag"));
    clade_buffer_free(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_known_in_english_and_chinese),
        cmocka_unit_test(shopify_orders_are_known_as_a_whole),
        cmocka_unit_test(amazon_and_woocommerce_and_magento_exports_are_known),
        cmocka_unit_test(taobao_and_jd_orders_are_known),
        cmocka_unit_test(event_streams_of_segment_and_google_are_known),
        cmocka_unit_test(a_file_without_names_is_read_by_its_values),
        cmocka_unit_test(personal_data_never_becomes_an_attribute),
        cmocka_unit_test(values_refuse_a_name_that_lies),
        cmocka_unit_test(the_order_of_a_date_is_proved_or_said_to_be_a_guess),
        cmocka_unit_test(decimal_commas_units_and_currencies_are_seen_in_values),
        cmocka_unit_test(a_date_and_a_clock_make_a_moment_together),
        cmocka_unit_test(the_users_word_counts_and_mistakes_are_explained),
        cmocka_unit_test(a_mapping_written_reads_back_as_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
