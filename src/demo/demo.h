/* Inside the demo shop: the world (catalogue and calendar), the hidden person, and rows. */
#ifndef CLADE_DEMO_PRIVATE_H
#define CLADE_DEMO_PRIVATE_H

#include "clade/demo.h"
#include "clade/text.h"
#include "clade/time.h"

#include "rows.h"

enum {
    DEMO_N_CATEGORY    = 12,
    DEMO_N_SUBCATEGORY = 4, /* in each category */
    DEMO_N_TIER        = 5, /* price tiers, each twice as dear as the one below */
    DEMO_N_CELL        = DEMO_N_CATEGORY * DEMO_N_TIER,
    DEMO_N_BRAND       = 24,
    DEMO_N_RIVAL       = 3,
    DEMO_SHARD         = 1024, /* customers generated and sorted together */
    DEMO_RING_SPAN     = 1024, /* one coupon ring in so many customers */
    DEMO_BURN_DAYS     = 365,  /* customers may have registered so long before the window */
    DEMO_MAX_LINES     = 8,    /* in one order */
    DEMO_MAX_ORDERS    = 1024, /* of one customer */
    DEMO_MAX_TOUCHES   = CLADE_DEMO_MAX_MONTHS,
    DEMO_MAX_SESSIONS  = 4096, /* of one customer: a limit of the session number's bits */
    DEMO_MAX_EVENTS    = 1 << 20,
    DEMO_N_FUTURE_PATH = 24, /* simulated futures behind an expected spend */
    DEMO_DAY_S         = 86400,
    DEMO_ZONE_S        = 8 * 3600, /* Asia/Shanghai, which has had no summer time since 1991 */
};

/* ------------------------------------------------------------------ words.c */

typedef struct demo_word {
    const char *en, *zh;
} demo_word;

typedef struct demo_category {
    demo_word name;
    demo_word sub[DEMO_N_SUBCATEGORY]; /* the noun of a product, and the subcategory */
    double    price;                   /* CNY, middle tier */
    double    refund;                  /* multiplies the usual share sent back */
    double    share;                   /* of general demand */
} demo_category;

extern const demo_category demo_categories[DEMO_N_CATEGORY];
extern const demo_word     demo_brands[DEMO_N_BRAND];
extern const demo_word     demo_adjectives[16];
extern const demo_word     demo_variants[8];
extern const demo_word     demo_surnames[24];
extern const demo_word     demo_given_names[32];
extern const char *const   demo_foreign_given[24];
extern const char *const   demo_foreign_family[24];
extern const demo_word     demo_cities[16];
extern const char *const   demo_foreign_cities[8];
extern const char *const   demo_streets[12];
extern const char *const demo_praise_zh[8], *const demo_praise_en[8];
extern const char *const demo_blame_zh[8], *const demo_blame_en[8];
extern const char *const demo_rivals[DEMO_N_RIVAL];

/* ------------------------------------------------------------------ world.c */

/* How a customer's wish to buy runs through the year. */
typedef enum demo_clock {
    DEMO_CLOCK_PLAIN,    /* every day alike: standing orders */
    DEMO_CLOCK_EVERYDAY, /* weekends, holidays, the great sales */
    DEMO_CLOCK_SALE,     /* next to nothing outside sales */
    DEMO_CLOCK_GIFT,     /* next to nothing outside the gift seasons */
    DEMO_CLOCK_OFFICE,   /* working days */
    DEMO_N_CLOCK
} demo_clock;

typedef struct demo_day {
    char     text[11];   /* "2024-11-11" */
    uint8_t  month;      /* 1..12 */
    uint8_t  weekday;    /* 0 Monday .. 6 Sunday */
    uint8_t  sale;       /* per cent off, 0 when there is no sale */
    uint8_t  sale_reach; /* per cent of the items in it */
    bool     eleven_eleven;
    uint16_t sale_categories; /* one bit each */
    uint16_t rate_e4;         /* 10,000 times the CNY for one USD */
} demo_day;

typedef struct demo_item {
    uint8_t category, sub, tier, brand;
    int32_t listed_day;               /* may lie before the window */
    int64_t price_cny, price_usd;     /* minor units */
    char    name_en[96], name_zh[96]; /* quoted for CSV where needed */
} demo_item;

typedef struct demo_world {
    uint64_t   seed, n_customers;
    uint64_t   id_step, id_shift; /* customer id = 10,000,001 + (i * step + shift) mod n */
    bool       events;
    int        n_months, n_days;
    int64_t    start_day; /* days since 1970 of the window's first local day */
    int        reference_day[CLADE_DEMO_N_REFERENCE];
    demo_day  *day;                 /* (n_days) */
    double    *clock[DEMO_N_CLOCK]; /* (DEMO_BURN_DAYS + n_days + 1) running sums, mean step 1 */
    uint32_t   n_items, cell_size;  /* items lie by category, tier, rank of popularity */
    demo_item *item;                /* (n_items); the last one is the test product */
    double     cell_price[DEMO_N_CELL]; /* mean CNY major units of a draw from the cell */
    int        campaign_day[CLADE_DEMO_MAX_MONTHS];
} demo_world;

clade_status demo__world_create(demo_world **out_world, const clade_demo_options *options,
                                clade_error *err);
void         demo__world_free(demo_world *world);
uint64_t     demo__customer_id(const demo_world *world, uint64_t index);
/* The day at which `gap` days of the clock have passed since `day`; INFINITY beyond the window. */
double demo__clock_advance(const demo_world *world, demo_clock clock, double day, double gap);
double demo__clock_read(const demo_world *world, demo_clock clock, double day);
/* Per cent off an item on a day: 0 when it is not on sale. */
int demo__item_sale(const demo_world *world, uint32_t item, int day);

/* ------------------------------------------------------------------ person.c */

typedef struct demo_person {
    uint64_t             index, id;
    clade_demo_archetype archetype;
    bool                 foreign; /* pays USD, reads English */
    bool                 stays;   /* of new arrivals */
    int64_t              ring;    /* or -1 */
    demo_clock           clock;
    double               registered_day;  /* may lie before the window, down to -DEMO_BURN_DAYS */
    double               drop_day;        /* INFINITY when never inside any horizon of ours */
    double               life_days;       /* mean remaining life, INFINITY for none */
    double               fade_days;       /* interest falls over so long before drop_day */
    double               gap_days, shape; /* of the renewal process, on the clock */
    int                  max_orders;
    double               p_first; /* chance of a first order at registration */
    double               lines, tier, sale, refund;
    int                  quantity_max;
    double               research, idle_days; /* visits before an order; days between idle visits */
    uint8_t              favourite[3];        /* categories */
    uint8_t              brand;
    double               hour, hour_spread;
    uint8_t              channel, device;
    uint8_t              n_standing; /* lines of a subscriber's standing basket */
    uint32_t             standing[3];
    bool                 invited;
    uint64_t             inviter; /* index, when invited */
} demo_person;

/* Depends on world and index alone; ask it about anybody. */
void demo__person_draw(demo_person *out_person, const demo_world *world, uint64_t index);
/* 1 while interested, falling to 0 at drop_day over `span` days. */
double demo__person_interest(const demo_person *person, double day, double span);
double demo__effect(const demo_person *person, int arm, double day);

typedef struct demo_ring {
    int      size; /* members are the first `size` customers of the span */
    int      start_day;
    uint8_t  street, city;
    int      house;
    uint64_t device_id;
} demo_ring;
demo_ring demo__ring_draw(const demo_world *world, uint64_t ring);

/* ------------------------------------------------------------------ orders.c */

typedef struct demo_line {
    uint32_t item;
    int32_t  quantity;
    int64_t  price_minor, discount_minor; /* one unit; the whole line */
    int32_t  refund_s;                    /* seconds after the order, 0 for none */
} demo_line;

typedef enum demo_coupon {
    DEMO_COUPON_NONE,
    DEMO_COUPON_WELCOME,
    DEMO_COUPON_CAMPAIGN,
    DEMO_COUPON_STAFF,
    DEMO_N_COUPON
} demo_coupon;

typedef struct demo_order {
    int64_t   at_s;     /* local seconds since the window's start */
    int16_t   campaign; /* that caused it, or -1 */
    uint8_t   channel, coupon, n_lines;
    bool      guest, cancelled, test;
    demo_line line[DEMO_MAX_LINES];
} demo_order;

enum { DEMO_ARM_NONE, DEMO_ARM_EMAIL, DEMO_ARM_SMS, DEMO_N_ARM };
typedef struct demo_touch {
    int16_t campaign;
    uint8_t arm;
    bool    bought; /* within 14 days */
    double  propensity, effect;
    int64_t at_s;
} demo_touch;

typedef struct demo_life { /* scratch of one worker: what one customer did */
    demo_order order[DEMO_MAX_ORDERS];
    demo_touch touch[DEMO_MAX_TOUCHES];
    int        n_orders, n_touches;
} demo_life;

typedef struct demo_future {
    double  expected_orders, expected_spend; /* CNY major */
    int64_t spend_minor;
    int     n_orders;
} demo_future;

void    demo__life_draw(demo_life *out_life, const demo_world *world, const demo_person *person);
int64_t demo__order_value(const demo_world *world, const demo_order *order, int line, bool foreign,
                          int64_t at_s);
/* What follows world->reference_day[reference]. */
void demo__future_draw(demo_future *out_future, const demo_world *world, const demo_person *person,
                       const demo_life *life, int reference);
int64_t  demo__moment_s(const demo_world *world, const demo_person *person, double day,
                        clade_rng *rng);
uint32_t demo__item_draw(const demo_world *world, const demo_person *person, int day,
                         bool want_sale, clade_rng *rng);

/* ------------------------------------------------------------------ write_*.c */

typedef enum demo_stream {
    DEMO_ORDERS,
    DEMO_EVENTS,
    DEMO_CUSTOMERS,
    DEMO_REVIEWS,
    DEMO_INVITATIONS,
    DEMO_CAMPAIGNS,
    DEMO_TRUTH_CUSTOMERS,
    DEMO_TRUTH_FUTURE,
    DEMO_TRUTH_UPLIFT,
    DEMO_N_SHARDED, /* those above are written shard by shard */
    DEMO_ITEMS = DEMO_N_SHARDED,
    DEMO_RIVALS,
    DEMO_SUMMARY,
    DEMO_N_STREAM
} demo_stream;

typedef struct demo_worker {
    demo_rows          rows[DEMO_N_SHARDED];
    demo_life          life;
    clade_demo_summary count; /* of the shard at hand */
} demo_worker;

extern const char *const demo_channels[5], *const demo_devices[4];

const char *demo__header(demo_stream stream);
void demo__write_orders(demo_worker *worker, const demo_world *world, const demo_person *person);
void demo__write_reviews(demo_worker *worker, const demo_world *world, const demo_person *person);
void demo__write_events(demo_worker *worker, const demo_world *world, const demo_person *person);
void demo__write_profile(demo_worker *worker, const demo_world *world, const demo_person *person);
void demo__write_touches(demo_worker *worker, const demo_world *world, const demo_person *person);
void demo__write_truth(demo_worker *worker, const demo_world *world, const demo_person *person);
void demo__write_items(demo_rows *rows, const demo_world *world);
void demo__write_rivals(demo_rows *rows, const demo_world *world);

#endif
