/* The names that shops give to columns, English and Chinese, as their systems export them: Shopify,
 * WooCommerce, Magento, Amazon, Taobao and Tmall, JD, Segment, Google Analytics, and the public
 * data sets people learn with. Names are compared without case, blanks and punctuation. */
#include "mapping_parts.h"

#include <stdlib.h>

size_t clade__name_normalise(char out[CLADE__NAME_BYTES], clade_text name)
{
    size_t n     = 0;
    int    depth = 0;
    for (size_t i = 0; i < name.size && n + 5 < CLADE__NAME_BYTES;) {
        uint32_t     point;
        const size_t size = clade_utf8_decode(&point, name.data + i, name.size - i);
        if (size == 0) {
            i++;
            continue;
        }
        i += size;
        if (point >= 0xff01 && point <= 0xff5e) point -= 0xff01 - '!'; /* full-width */
        if (point == '(' || point == '[' || point == 0x3010) depth++;
        if ((point == ')' || point == ']' || point == 0x3011) && depth > 0) {
            depth--;
            continue;
        }
        if (depth > 0 && n > 0) continue; /* "amount (USD)"; a name that is all in brackets stays */
        if (point >= 'A' && point <= 'Z') point += 32;
        const bool letter = (point >= 'a' && point <= 'z') || (point >= '0' && point <= '9');
        if (letter || point >= 0xc0) n += clade_utf8_encode(out + n, point);
    }
    out[n] = '\0';
    return n;
}

/* Each line: field, weight, names. 100 says it all, 50 is a guess that values must support. */
static const struct {
    clade_field field;
    int         weight;
    const char *names;
} dictionary[] = {
    { CLADE_FIELD_CUSTOMER, 100,
      "customerid customerno customernumber customercode custid custno userid useruid memberid "
      "memberno buyerid buyerno clientid shopperid householdid householdkey hhid visitorid "
      "userpseudoid anonymousid uid openid unionid accountid personid contactid reviewerid "
      "customerref customeruniqueid consumerid panelid cardno loyaltyid loyaltycard inviterid "
      "referrerid 邀请人id "
      "用户id 用户编号 用户标识 用户号 会员id 会员编号 会员号 会员卡号 客户id 客户编号 客户号 "
      "客户代码 "
      "顾客id 顾客编号 买家id 买家编号 买家会员名 买家昵称 买家 下单账号 客户账号 用户账号 "
      "下单帐号 uid号 会员账号" },
    { CLADE_FIELD_CUSTOMER, 80,
      "customer user member buyer client shopper household visitor fullvisitorid mastercustomerid "
      "用户 会员 客户 顾客 用户名 会员名 客户名 旺旺 旺旺号 买家旺旺 buyername" },
    { CLADE_FIELD_CUSTOMER, 55, "samplecustomerid cid id 编号" },
    { CLADE_FIELD_TIME, 100,
      "timestamp orderdate ordertime orderdatetime orderedat orderplaced ordercreatedat "
      "ordercreateddate purchasedate purchasedatetime purchasetime purchasetimestamp "
      "orderpurchasetimestamp invoicedate transactiontimestamp transactiondate transactiontime "
      "eventtime eventtimestamp eventdatetime occurredat originaltimestamp behaviortime actiontime "
      "clicktime visittime saledate salesdate ratingtime reviewtime unixreviewtime unixtime "
      "localservertime 下单时间 下单日期 订单时间 订单日期 订单创建时间 交易时间 交易日期 购买时间 "
      "购买日期 "
      "行为时间 时间戳 发生时间 事件时间 访问时间 点击时间 消费时间 消费日期 销售日期 评价时间 "
      "评论时间" },
    { CLADE_FIELD_TIME, 90,
      "createdat created createdate createtime creationdate datecreated datetime datecreatedgmt "
      "invoicedatetime paidat paiddate paymentdate paymenttime datepaid settlementdate posteddate "
      "付款时间 支付时间 付款日期 支付日期 成交时间 订单付款时间 创建时间 创建日期 记录时间 "
      "redemptiondate sentat senttime senddate contactdate surveydate invitedat invitedon "
      "checkedat checkedon observedat crawledat pricedate 抓取时间 采集时间 邀请时间" },
    { CLADE_FIELD_TIME, 80,
      "date time 日期 时间 day eventdate dt ts when 日 sessiondate visitdate" },
    { CLADE_FIELD_TIME, 45,
      "updatedat updatedate modifiedat listedat listedon shipdate 完成时间 更新时间 week month "
      "monthyear" },
    { CLADE_FIELD_CLOCK, 70, "time clock hour timeofday 时刻 钟点 transtime saletime" },
    { CLADE_FIELD_OFFSET_MS, 95, "timeframe offsetms elapsedms millisecondssincestart" },
    { CLADE_FIELD_KIND, 100,
      "eventtype eventname event behaviortype behavior behaviour behaviourtype action actiontype "
      "useraction activitytype interactiontype eventaction 行为 行为类型 用户行为 事件 事件类型 "
      "事件名 "
      "事件名称 动作 动作类型 操作 操作类型" },
    { CLADE_FIELD_KIND, 55, "type activity interaction 类型" },
    { CLADE_FIELD_ITEM, 100,
      "itemid itemno itemcode itemsku itemnumber productid productno productcode productsku pid "
      "sku "
      "skuid skucode stockcode asin goodsid goodsno goodssn spuid spu variantid variantsku "
      "lineitemsku artid articleid articleno upc ean gtin barcode movieid artistid bookid songid "
      "contentid auctionid offerid merchandiseid productreferenceid adgroupid couponproductid "
      "商品id 商品编号 商品编码 商品代码 商品货号 商品sku 货号 货品编号 产品id 产品编号 产品编码 "
      "物品id "
      "宝贝id 宝贝编号 外部系统编号 商家编码 商品条码 条形码 sku编码 sku编号 规格编码 款号" },
    { CLADE_FIELD_ITEM, 75, "item product goods article 商品 产品 物品 宝贝 parentasin" },
    { CLADE_FIELD_ITEM, 45, "id 编号" },
    { CLADE_FIELD_ITEM_NAME, 100,
      "itemname productname producttitle itemtitle description itemdescription productdescription "
      "goodsname lineitemname skuname articlename title movietitle 商品名称 商品名 商品标题 "
      "产品名称 "
      "产品名 宝贝名称 宝贝标题 货品名称 品名 标题 商品描述" },
    { CLADE_FIELD_ITEM_NAME, 60, "name 名称" },
    { CLADE_FIELD_CATEGORY, 100,
      "category categoryid itemcategory productcategory productcategoryname categoryname "
      "maincategory "
      "categorycode catid categorypath department productgroup genre genres cat "
      "类目 类目id 商品类目 品类 分类 商品分类 类别 商品类别 一级类目 一级分类 大类 类目名称 "
      "产品类别" },
    { CLADE_FIELD_CATEGORY, 60, "dept group producttype 部门 type" },
    { CLADE_FIELD_SUBCATEGORY, 100,
      "subcategory subcategoryname subcategoryid secondcategory childcategory subdepartment "
      "二级类目 二级分类 子类目 子类 小类 中类 叶子类目" },
    { CLADE_FIELD_SUBCATEGORY, 60, "producttype" },
    { CLADE_FIELD_BRAND, 100,
      "brand brandid brandname manufacturer vendor lineitemvendor make maker 品牌 品牌名称 品牌id "
      "厂商" },
    { CLADE_FIELD_BRAND, 50, "manufacturerid sellerid supplier 供应商" },
    { CLADE_FIELD_QUANTITY, 100,
      "quantity qty quantitypurchased lineitemquantity itemquantity orderquantity qtyordered units "
      "unitssold itemcount count pieces numitems quantityordered quantityshipped amountofitems cds "
      "数量 购买数量 商品数量 销量 件数 订购数量 宝贝数量 宝贝总数量 销售数量 购买件数 下单数量" },
    { CLADE_FIELD_QUANTITY, 50, "n num volume plays 个数" },
    { CLADE_FIELD_PRICE, 100,
      "unitprice price itemprice productprice lineitemprice saleprice sellingprice pricebought "
      "priceperunit listprice originalprice retailprice rrp msrp unitcost "
      "单价 价格 商品单价 商品价格 售价 销售价 成交价 成交单价 现价 原价 吊牌价 京东价 宝贝单价" },
    { CLADE_FIELD_AMOUNT, 100,
      "amount totalamount ordertotal totalprice salesvalue salesamount linetotal lineamount "
      "orderamount grandtotal revenue purchaserevenue itemrevenue transactionrevenue spend dollars "
      "subtotal netamount paymentvalue paidamount amountpaid sales transactionamount ordervalue "
      "金额 实付金额 实付款 实收金额 订单金额 付款金额 支付金额 应付金额 总金额 总价 成交金额 "
      "销售额 "
      "买家实际支付金额 买家应付货款 商品金额 消费金额 交易金额 实际支付金额 结算金额 订单总额 "
      "小计" },
    { CLADE_FIELD_AMOUNT, 80, "total value purchaseamount weeklysales 总计 合计" },
    { CLADE_FIELD_DISCOUNT, 100,
      "discount discountamount lineitemdiscount discounts itemdiscount retaildisc totaldiscount "
      "promotiondiscount itempromotiondiscount coupondiscount "
      "优惠金额 优惠 折扣 折扣金额 减免金额 满减金额 优惠券金额 优惠总额" },
    { CLADE_FIELD_DISCOUNT, 60, "coupondisc couponmatchdisc rebate" },
    { CLADE_FIELD_CURRENCY, 100,
      "currency currencycode ordercurrency ordercurrencycode isocurrency 币种 货币 币别 货币代码" },
    { CLADE_FIELD_RATE, 100, "exchangerate fxrate currencyrate basetoorderrate 汇率" },
    { CLADE_FIELD_ORDER, 100,
      "orderid orderno ordernumber ordercode orderref ordername orderreference invoiceno invoice "
      "invoiceid invoicenumber transactionid transactionno basketid receiptno receiptid ticketid "
      "cartid checkoutid purchaseid saleid salesorder incrementid amazonorderid tradeid tid "
      "merchantorderid billno 订单号 订单编号 订单id 订单 交易号 交易编号 交易单号 单号 小票号 "
      "流水号 "
      "主订单编号 子订单编号 主订单号 支付单号 发票号" },
    { CLADE_FIELD_ORDER, 70, "order trans transaction basket receipt" },
    { CLADE_FIELD_SESSION, 100,
      "sessionid session visitid gasessionid usersession sessionkey sessid 会话 会话id 会话编号" },
    { CLADE_FIELD_MESSAGE, 100,
      "messageid eventid msgid eventuuid uuid requestid insertid dedupeid idempotencykey hitid "
      "reviewid 消息id 事件id 日志id 请求id 评价编号 评价id 评论编号 评论id" },
    { CLADE_FIELD_QUERY, 100,
      "query searchquery searchterm searchkeyword keyword keywords searchphrase searchstring "
      "搜索词 搜索关键词 关键词 关键字 查询词" },
    { CLADE_FIELD_CHANNEL, 100,
      "channel saleschannel source medium utmsource trafficsource storechannel sourcename "
      "orderchannel fulfillmentchannel acquisitionchannel 渠道 来源 渠道来源 订单来源 销售渠道 "
      "流量来源 "
      "平台 下单渠道" },
    { CLADE_FIELD_CHANNEL, 55,
      "platform storeid store storename shop shopname 店铺 门店 店铺名称 门店id" },
    { CLADE_FIELD_DEVICE, 100,
      "device devicetype devicecategory devicename useragent preferredlogindevice 设备 设备类型 "
      "终端 "
      "终端类型 客户端" },
    { CLADE_FIELD_DEVICE, 50, "os operatingsystem browser" },
    { CLADE_FIELD_COUPON, 100,
      "coupon couponcode couponid couponupc discountcode promocode vouchercode voucher "
      "promotionids "
      "优惠券 优惠码 优惠券码 优惠券id 券码" },
    { CLADE_FIELD_DWELL_S, 100,
      "dwell dwelltime dwells dwellseconds duration durations timeonpage timespent staytime "
      "engagementtime readtime 停留时长 停留时间 浏览时长 时长" },
    { CLADE_FIELD_RATING, 100,
      "rating stars starrating overall reviewscore score ratings reviewrating satisfaction "
      "satisfactionscore nps npsscore 评分 星级 打分 满意度 得分 好评度" },
    { CLADE_FIELD_RATING, 60, "label sentiment vote preference 标签 情感" },
    { CLADE_FIELD_TEXT, 100,
      "review reviewtext reviewbody reviewcontent comment comments text content feedback "
      "reviewcommentmessage answer freetext 评论 评价 评论内容 评价内容 评价详情 内容 反馈 留言 "
      "买家留言 "
      "评论正文" },
    { CLADE_FIELD_TEXT, 60, "body message verbatim" },
    { CLADE_FIELD_STATUS, 100,
      "status orderstatus financialstatus paymentstatus orderstate state fulfillmentstatus "
      "订单状态 状态 交易状态 付款状态 支付状态 退款状态" },
    { CLADE_FIELD_STOCK, 100,
      "stock stockquantity inventory inventoryquantity qtyinstock onhand stocklevel "
      "variantinventoryqty "
      "库存 库存数量 库存量" },
    { CLADE_FIELD_ITEMS, 90,
      "items itemids products productids skus itemlist basketitems 商品列表 商品清单" },
    { CLADE_FIELD_SEQUENCE, 95,
      "basketno ordinal sequence seq seqno sequenceno ordernumberofuser visitnumber step position "
      "序号 顺序" },
    { CLADE_FIELD_NAME, 100,
      "fullname customername clientname firstname lastname surname givenname familyname "
      "billingname "
      "shippingname recipientname recipient contactname username nickname buyerfullname "
      "reviewername billingfirstname billinglastname shippingfirstname shippinglastname "
      "displayname "
      "customerfirstname customerlastname vorname nachname prenom nombre apellido apellidos 姓名 "
      "收货人 收件人 收货人姓名 客户姓名 买家姓名 真实姓名 "
      "联系人 "
      "用户昵称 昵称 会员姓名 收件人姓名 顾客姓名" },
    { CLADE_FIELD_EMAIL, 100,
      "email emailaddress mail customeremail billingemail buyeremail useremail contactemail "
      "邮箱 电子邮箱 邮件 电子邮件 邮箱地址 买家邮箱" },
    { CLADE_FIELD_PHONE, 100,
      "phone phonenumber mobile mobilephone cellphone telephone tel mobilenumber billingphone "
      "shippingphone buyerphonenumber customerphone 手机 手机号 手机号码 电话 联系电话 联系手机 "
      "电话号码 "
      "收货人手机 收货人电话 收件人手机 座机" },
    { CLADE_FIELD_ADDRESS, 100,
      "address addressline1 addressline2 address1 address2 street streetaddress billingaddress "
      "billingaddress1 billingaddress2 billingstreet shippingaddress shippingaddress1 "
      "shippingaddress2 shippingstreet shipaddress1 shipaddress2 shipaddress3 homeaddress "
      "deliveryaddress 地址 收货地址 详细地址 收件地址 收件人地址 家庭住址 收货人地址 街道" },
    { CLADE_FIELD_OTHER_CUSTOMER, 100,
      "friendid otheruserid followeeid followedid invitedid inviteeid targetuserid touserid touser "
      "refereeid referredid othercustomer othercustomerid followee invitee friend recipientid "
      "好友id 被邀请人 被邀请人id 关注对象 被关注者" },
    { CLADE_FIELD_EDGE_KIND, 90,
      "edgekind relation relationship tie tietype relationtype edgetype 关系 关系类型" },
    { CLADE_FIELD_RIVAL, 100,
      "rival competitor competitorname competitorid rivalname 竞争对手 竞品 竞争店铺 对手" },
    { CLADE_FIELD_CAMPAIGN, 100,
      "campaign campaignid campaignname campaigncode mailing 活动 活动id 营销活动 活动名称 "
      "活动编号" },
    { CLADE_FIELD_ARM, 90,
      "arm treatment variant testgroup experimentgroup controlgroup group testcontrol segment "
      "实验组 分组 对照组" },
    { CLADE_FIELD_PROPENSITY, 90,
      "propensity assignmentprobability treatmentprobability 倾向 倾向得分" },
    { CLADE_FIELD_COST, 90, "cost contactcost costpercontact sendcost 成本 费用" },
    { CLADE_FIELD_OUTCOME, 90,
      "outcome conversion converted response responded redeemed 转化 响应 结果" },
    { CLADE_FIELD_REGISTERED, 100,
      "registered registeredat registrationdate signupdate signedupat joindate joinedat dtcustomer "
      "customersince enrollmentdate membersince createdon accountcreated registertime "
      "注册时间 注册日期 入会时间 入会日期 加入时间 开卡时间" },
    { CLADE_FIELD_IGNORE, 100,
      "unnamed0 rowid rownumber rownames row password passwd pwd creditcard creditcardnumber "
      "paymentid ip ipaddress customeripaddress browserip ssn idcard idnumber 身份证 身份证号 密码 "
      "ip地址 "
      "银行卡号 支付账号 买家支付宝账号 支付宝账号" },
};

/* Pieces of names that tell something when the whole name is unknown. */
static const struct {
    const char *piece;
    clade_field field;
    int         weight;
} pieces[] = {
    { "email", CLADE_FIELD_EMAIL, 95 },         { "邮箱", CLADE_FIELD_EMAIL, 95 },
    { "手机", CLADE_FIELD_PHONE, 95 },          { "电话", CLADE_FIELD_PHONE, 95 },
    { "phone", CLADE_FIELD_PHONE, 85 },         { "地址", CLADE_FIELD_ADDRESS, 95 },
    { "street", CLADE_FIELD_ADDRESS, 90 },      { "address", CLADE_FIELD_ADDRESS, 85 },
    { "姓名", CLADE_FIELD_NAME, 95 },           { "收货人", CLADE_FIELD_NAME, 90 },
    { "收件人", CLADE_FIELD_NAME, 90 },         { "firstname", CLADE_FIELD_NAME, 95 },
    { "lastname", CLADE_FIELD_NAME, 95 },       { "fullname", CLADE_FIELD_NAME, 95 },
    { "password", CLADE_FIELD_IGNORE, 95 },     { "身份证", CLADE_FIELD_IGNORE, 95 },
    { "customerid", CLADE_FIELD_CUSTOMER, 80 }, { "userid", CLADE_FIELD_CUSTOMER, 80 },
    { "memberid", CLADE_FIELD_CUSTOMER, 75 },   { "用户id", CLADE_FIELD_CUSTOMER, 80 },
    { "会员", CLADE_FIELD_CUSTOMER, 55 },       { "订单号", CLADE_FIELD_ORDER, 85 },
    { "订单编号", CLADE_FIELD_ORDER, 85 },      { "orderid", CLADE_FIELD_ORDER, 80 },
    { "orderno", CLADE_FIELD_ORDER, 75 },       { "ordernumber", CLADE_FIELD_ORDER, 80 },
    { "invoice", CLADE_FIELD_ORDER, 60 },       { "下单时间", CLADE_FIELD_TIME, 85 },
    { "timestamp", CLADE_FIELD_TIME, 75 },      { "datetime", CLADE_FIELD_TIME, 75 },
    { "时间", CLADE_FIELD_TIME, 50 },           { "日期", CLADE_FIELD_TIME, 50 },
    { "商品id", CLADE_FIELD_ITEM, 85 },         { "productid", CLADE_FIELD_ITEM, 80 },
    { "itemid", CLADE_FIELD_ITEM, 80 },         { "sku", CLADE_FIELD_ITEM, 55 },
    { "商品名", CLADE_FIELD_ITEM_NAME, 85 },    { "productname", CLADE_FIELD_ITEM_NAME, 80 },
    { "itemname", CLADE_FIELD_ITEM_NAME, 80 },  { "类目", CLADE_FIELD_CATEGORY, 60 },
    { "品类", CLADE_FIELD_CATEGORY, 60 },       { "品牌", CLADE_FIELD_BRAND, 70 },
    { "数量", CLADE_FIELD_QUANTITY, 60 },       { "quantity", CLADE_FIELD_QUANTITY, 60 },
    { "单价", CLADE_FIELD_PRICE, 75 },          { "unitprice", CLADE_FIELD_PRICE, 75 },
    { "实付", CLADE_FIELD_AMOUNT, 80 },         { "金额", CLADE_FIELD_AMOUNT, 55 },
    { "totalamount", CLADE_FIELD_AMOUNT, 75 },  { "orderamount", CLADE_FIELD_AMOUNT, 75 },
    { "session", CLADE_FIELD_SESSION, 60 },     { "优惠", CLADE_FIELD_DISCOUNT, 50 },
    { "currency", CLADE_FIELD_CURRENCY, 70 },   { "评论", CLADE_FIELD_TEXT, 60 },
    { "评价", CLADE_FIELD_TEXT, 60 },           { "注册", CLADE_FIELD_REGISTERED, 70 },
    { "渠道", CLADE_FIELD_CHANNEL, 60 },
};

static bool has_word(const char *names, const char *word, size_t size)
{
    for (const char *at = names; (at = strstr(at, word)) != NULL; at += size) {
        if ((at == names || at[-1] == ' ') && (at[size] == ' ' || at[size] == '\0')) return true;
    }
    return false;
}

static void add_meaning(clade__meaning out[4], size_t *n, clade_field field, int weight)
{
    for (size_t i = 0; i < *n; i++) {
        if (out[i].field == field) return;
    }
    if (*n == 4) return;
    size_t i = (*n)++;
    for (; i > 0 && out[i - 1].weight < weight; i--)
        out[i] = out[i - 1];
    out[i] = (clade__meaning){ field, weight };
}

static size_t look_up(clade__meaning out[4], const char *name, size_t size)
{
    size_t n = 0;
    if (size == 0) return 0;
    for (size_t i = 0; i < sizeof dictionary / sizeof dictionary[0]; i++) {
        if (has_word(dictionary[i].names, name, size)) {
            add_meaning(out, &n, dictionary[i].field, dictionary[i].weight);
        }
    }
    return n;
}

size_t clade__name_meanings(clade__meaning out[4], clade_text name)
{
    char         normal[CLADE__NAME_BYTES];
    const size_t size = clade__name_normalise(normal, name);
    size_t       n    = look_up(out, normal, size);
    if (n > 0) return n;

    /* "properties.product_id", "Customer/Email": the last part speaks. */
    const char *dot = memrchr(name.data == NULL ? "" : name.data, '.', name.size);
    if (dot == NULL && name.size > 0) dot = memrchr(name.data, '/', name.size);
    if (dot != NULL && dot + 1 < name.data + name.size) {
        const clade_text last = { dot + 1, (size_t)(name.data + name.size - dot) - 1 };
        char             part[CLADE__NAME_BYTES];
        n = look_up(out, part, clade__name_normalise(part, last));
        for (size_t i = 0; i < n; i++)
            out[i].weight = out[i].weight * 9 / 10;
        if (n > 0 && out[0].weight >= 70) return n;
        n = 0;
    }
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        if (strstr(normal, pieces[i].piece) != NULL) {
            add_meaning(out, &n, pieces[i].field, pieces[i].weight * 9 / 10);
        }
    }
    return n;
}

bool clade__mapping_knows(clade_text name)
{
    char           normal[CLADE__NAME_BYTES];
    clade__meaning meaning[4];
    const size_t   size = clade__name_normalise(normal, name);
    return size > 0 && name.size < 64 && look_up(meaning, normal, size) > 0 &&
           meaning[0].weight >= 60;
}

/* ---------------------------------------------------------------- exports known as a whole */

static const clade__profile profiles[] = {
    { "Shopify orders", CLADE_SHAPE_ORDERS,
      "name email lineitemquantity lineitemname lineitemprice",
      "name=order email=customer createdat=time lineitemquantity=quantity lineitemname=item_name "
      "lineitemprice=price lineitemsku=item lineitemdiscount=discount currency=currency "
      "financialstatus=status source=channel vendor=brand discountcode=coupon billingname=name "
      "shippingname=name phone=phone billingphone=phone shippingphone=phone id=none total=none "
      "subtotal=none discountamount=none paidat=none fulfillmentstatus=none" },
    { "Shopify customers", CLADE_SHAPE_CUSTOMERS, "firstname lastname email acceptsemailmarketing",
      "customerid=customer firstname=name lastname=name email=email" },
    { "Shopify products", CLADE_SHAPE_ITEMS, "handle title vendor variantsku variantprice",
      "handle=attribute variantsku=item title=item_name vendor=brand type=category "
      "variantprice=price variantinventoryqty=stock" },
    { "WooCommerce orders", CLADE_SHAPE_ORDERS, "orderid orderdate orderstatus itemname",
      "orderid=order ordernumber=order orderdate=time orderstatus=status itemname=item_name "
      "sku=item "
      "itemcost=price quantity=quantity customeruserid=customer emailbilling=email "
      "ordertotalamount=none" },
    { "Amazon orders", CLADE_SHAPE_ORDERS, "amazonorderid purchasedate sku quantity itemprice",
      "amazonorderid=order purchasedate=time sku=item asin=none productname=item_name "
      "quantity=quantity itemprice=amount currency=currency orderstatus=status "
      "saleschannel=channel itempromotiondiscount=discount buyeremail=customer "
      "promotionids=coupon fulfillmentchannel=none" },
    { "Amazon orders", CLADE_SHAPE_ORDERS, "orderid purchasedate sku quantitypurchased buyeremail",
      "orderid=order orderitemid=message purchasedate=time paymentsdate=none sku=item "
      "productname=item_name quantitypurchased=quantity itemprice=amount currency=currency "
      "buyeremail=customer buyername=name" },
    { "Magento orders", CLADE_SHAPE_ORDERS, "incrementid createdat grandtotal",
      "incrementid=order entityid=none createdat=time customerid=customer customeremail=email "
      "grandtotal=amount ordercurrencycode=currency status=status state=none" },
    { "Taobao behaviour", CLADE_SHAPE_EVENTS, "userid itemid behaviortype itemcategory time",
      "userid=customer itemid=item behaviortype=kind itemcategory=category time=time" },
    { "Segment events", CLADE_SHAPE_EVENTS, "messageid event originaltimestamp",
      "messageid=message event=kind originaltimestamp=none timestamp=time userid=customer "
      "anonymousid=session" },
    { "GA4 events", CLADE_SHAPE_EVENTS, "eventtimestamp eventname userpseudoid",
      "eventtimestamp=time eventdate=none eventname=kind userid=none userpseudoid=customer" },
    { "Olist orders", CLADE_SHAPE_UNKNOWN, "orderid orderpurchasetimestamp orderstatus customerid",
      "orderid=order customerid=customer orderpurchasetimestamp=time orderstatus=status" },
    { "Retailrocket events", CLADE_SHAPE_EVENTS, "visitorid event itemid transactionid timestamp",
      "visitorid=customer event=kind itemid=item transactionid=order timestamp=time" },
};

const clade__profile *clade__profile_find(const char *const *columns, size_t n_columns)
{
    for (size_t i = 0; i < sizeof profiles / sizeof profiles[0]; i++) {
        const char *at    = profiles[i].proof;
        bool        found = true;
        while (found && *at != '\0') {
            const size_t size = strcspn(at, " ");
            found             = false;
            for (size_t k = 0; k < n_columns && !found; k++) {
                char         normal[CLADE__NAME_BYTES];
                const size_t n = clade__name_normalise(normal, clade_text_of(columns[k]));
                found          = n == size && memcmp(normal, at, n) == 0;
            }
            at += size;
            if (*at == ' ') at++;
        }
        if (found) return &profiles[i];
    }
    return NULL;
}
