/* items.csv and competitor_prices.csv, and the first line of every file. */
#include "demo.h"

#include <math.h>

const char *demo__header(demo_stream stream)
{
    switch (stream) {
    case DEMO_ORDERS:
        return "order_id,created_at,customer_id,product_id,product_name,category,quantity,unit_"
               "price,"
               "discount,line_total,currency,exchange_rate,status,coupon_code,sales_channel\n";
    case DEMO_EVENTS:
        return "event_id,event_time,customer_id,event_name,product_id,search_term,session_id,"
               "channel,"
               "device,dwell_seconds\n";
    case DEMO_CUSTOMERS:
        return "customer_id,full_name,email,phone,gender,birth_year,city,country,address,"
               "registered_at,"
               "signup_source,accepts_marketing,device_id\n";
    case DEMO_REVIEWS:
        return "\xEF\xBB\xBF评价编号,订单号,用户ID,商品编号,评分,评价内容,评价时间\n";
    case DEMO_INVITATIONS: return "inviter_id,invitee_id,invited_at,relation\n";
    case DEMO_CAMPAIGNS:
        return "campaign_id,customer_id,sent_at,channel,arm,propensity,cost,outcome\n";
    case DEMO_TRUTH_CUSTOMERS:
        return "customer_id,archetype,registered_on,dropped_out_on,ring,gap_days,shape,tier,"
               "favourite_category,foreign\n";
    case DEMO_TRUTH_FUTURE:
        return "customer_id,as_of,expected_orders,expected_spend,orders,spend\n";
    case DEMO_TRUTH_UPLIFT: return "campaign_id,customer_id,effect_email_10off,effect_sms_10off\n";
    case DEMO_ITEMS:
        return "product_id,title,title_zh,category,subcategory,brand,list_price,currency,stock,"
               "listed_on\n";
    case DEMO_RIVALS: return "competitor;product_id;checked_on;price;currency\n";
    case DEMO_SUMMARY:
    case DEMO_N_STREAM: break;
    }
    return "";
}

void demo__write_items(demo_rows *rows, const demo_world *world)
{
    for (uint32_t i = 0; i < world->n_items; i++) {
        const demo_item *const     item     = &world->item[i];
        const demo_category *const category = &demo_categories[item->category];
        const bool                 test     = i + 1 == world->n_items;
        const clade_civil          listed =
            clade_civil_from_us((world->start_day + item->listed_day) * CLADE_US_PER_DAY);
        clade_rng rng = clade_rng_stream(world->seed, "demo/stock", i);
        char     *p   = rows_open(rows);
        p             = put_char(put_digits(put_char(p, 'P'), i + 1, 6), ',');
        p             = put_char(put_text(p, item->name_en), ',');
        p             = put_char(put_text(p, item->name_zh), ',');
        p             = put_char(put_text(p, test ? "Internal" : category->name.en), ',');
        p             = put_char(put_text(p, test ? "Test" : category->sub[item->sub].en), ',');
        if (!test && clade_rng_below(&rng, 50) != 0) p = put_text(p, demo_brands[item->brand].en);
        *p++ = ',';
        p    = put_text(put_char(put_money(p, item->price_cny), ','), "CNY,");
        p    = put_char(put_uint(p, clade_rng_poisson(&rng, 40) * clade_rng_below(&rng, 4)), ',');
        p    = put_char(put_digits(p, (uint64_t)listed.year, 4), '-');
        p    = put_char(put_2(p, (unsigned)listed.month), '-');
        p    = put_2(p, (unsigned)listed.day);
        rows_close(rows, p, 0);
    }
}

/* Three rivals, the five most popular items of each cell, once a month: "05.03.2024" and "129,90".
 */
void demo__write_rivals(demo_rows *rows, const demo_world *world)
{
    for (uint32_t i = 0; i + 1 < world->n_items; i++) {
        if (i % world->cell_size >= 5) continue;
        clade_rng rng = clade_rng_stream(world->seed, "demo/rival", i);
        for (int rival = 0; rival < DEMO_N_RIVAL; rival++) {
            double level = 1 + 0.12 * clade_rng_normal(&rng);
            if (clade_rng_below(&rng, 3) == 0) continue; /* does not carry it */
            for (int month = 0; month < world->n_months; month++) {
                const int day =
                    world->n_days * month / world->n_months + (int)clade_rng_below(&rng, 26);
                level *= exp(0.03 * clade_rng_normal(&rng));
                const int64_t price =
                    (int64_t)llround((double)world->item[i].price_cny * fmax(0.5, level));
                const char *date = world->day[day].text;
                char       *p    = rows_open(rows);
                p                = put_char(put_text(p, demo_rivals[rival]), ';');
                p                = put_char(put_digits(put_char(p, 'P'), i + 1, 6), ';');
                p                = put_char(put_bytes(p, date + 8, 2), '.');
                p                = put_char(put_bytes(p, date + 5, 2), '.');
                p                = put_char(put_bytes(p, date, 4), ';');
                p                = put_char(put_uint(p, (uint64_t)price / 100), ',');
                p                = put_text(put_2(p, (unsigned)(price % 100)), ";CNY");
                rows_close(rows, p, 0);
            }
        }
    }
}
