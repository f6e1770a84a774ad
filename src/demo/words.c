/* The words the demo shop is made of. Every brand, person and street is invented. */
#include "demo.h"

const demo_category demo_categories[DEMO_N_CATEGORY] = {
    { { "Groceries", "食品" },
      { { "Green Tea", "绿茶" },
        { "Coffee Beans", "咖啡豆" },
        { "Mixed Nuts", "混合坚果" },
        { "Rice 5kg", "大米5公斤" } },
      48,
      0.3,
      0.13 },
    { { "Beauty", "美妆" },
      { { "Face Cream", "面霜" },
        { "Lipstick", "口红" },
        { "Sheet Masks", "面膜" },
        { "Shampoo", "洗发水" } },
      96,
      0.8,
      0.13 },
    { { "Mother & Baby", "母婴" },
      { { "Diapers", "纸尿裤" },
        { "Baby Bottle", "奶瓶" },
        { "Milk Powder", "奶粉" },
        { "Baby Wipes", "婴儿湿巾" } },
      110,
      0.5,
      0.09 },
    { { "Women's Clothing", "女装" },
      { { "Dress", "连衣裙" },
        { "Knit Sweater", "针织衫" },
        { "Trench Coat", "风衣" },
        { "Silk Scarf", "真丝围巾" } },
      180,
      2.2,
      0.12 },
    { { "Men's Clothing", "男装" },
      { { "Oxford Shirt", "牛津衬衫" },
        { "Down Jacket", "羽绒服" },
        { "Jeans", "牛仔裤" },
        { "Leather Belt", "皮带" } },
      190,
      1.7,
      0.08 },
    { { "Sports", "运动户外" },
      { { "Running Shoes", "跑鞋" },
        { "Yoga Mat", "瑜伽垫" },
        { "Camping Tent", "帐篷" },
        { "Water Bottle", "水壶" } },
      160,
      1.2,
      0.08 },
    { { "Kitchen", "厨具" },
      { { "Frying Pan", "平底锅" },
        { "Chef Knife", "菜刀" },
        { "Electric Kettle", "电热水壶" },
        { "Lunch Box", "饭盒" } },
      120,
      0.7,
      0.09 },
    { { "Home", "家居" },
      { { "Bed Linen", "四件套" },
        { "Desk Lamp", "台灯" },
        { "Storage Box", "收纳箱" },
        { "Armchair", "扶手椅" } },
      220,
      0.8,
      0.08 },
    { { "Electronics", "数码" },
      { { "Earbuds", "耳机" },
        { "Power Bank", "充电宝" },
        { "Tablet", "平板" },
        { "Smart Watch", "智能手表" } },
      420,
      1.0,
      0.08 },
    { { "Toys", "玩具" },
      { { "Building Blocks", "积木" },
        { "Plush Bear", "毛绒熊" },
        { "Puzzle", "拼图" },
        { "Toy Train", "玩具火车" } },
      90,
      0.6,
      0.05 },
    { { "Stationery", "文具" },
      { { "Fountain Pen", "钢笔" },
        { "Notebook", "笔记本" },
        { "Copy Paper", "复印纸" },
        { "Desk Organiser", "桌面收纳" } },
      40,
      0.4,
      0.04 },
    { { "Pets", "宠物" },
      { { "Cat Food", "猫粮" },
        { "Dog Leash", "牵引绳" },
        { "Cat Litter", "猫砂" },
        { "Pet Bed", "宠物窝" } },
      85,
      0.4,
      0.03 },
};

const demo_word demo_brands[DEMO_N_BRAND] = {
    { "Aurelle", "欧芮" },       { "Norvik", "诺维" },     { "Qinghe", "清禾" },
    { "Mistral", "迷风" },       { "Hanlu", "寒露" },      { "Pinecone", "松果" },
    { "Bluejay", "蓝雀" },       { "Yunmo", "云墨" },      { "Kestrel", "红隼" },
    { "Shanhai", "山海" },       { "Tidewell", "潮井" },   { "Zhuxin", "竹信" },
    { "Marlow", "玛洛" },        { "Beiyuan", "北原" },    { "Larkfield", "云雀田" },
    { "Jinhe", "锦荷" },         { "Ostra", "欧翠" },      { "Muxi", "木西" },
    { "Fenwick & Roe", "芬洛" }, { "Xingye", "星野" },     { "Halden", "哈登" },
    { "Lanxi", "兰溪" },         { "Copperleaf", "铜叶" }, { "Chenguang House", "晨居" },
};

const demo_word demo_adjectives[16] = {
    { "Classic", "经典" },      { "Light", "轻便" },   { "Family", "家庭装" },
    { "Travel", "旅行" },       { "Premium", "尊享" }, { "Everyday", "日常" },
    { "Organic", "有机" },      { "Winter", "冬季" },  { "Compact", "小巧" },
    { "Handmade", "手工" },     { "Limited", "限量" }, { "Soft", "柔软" },
    { "Professional", "专业" }, { "Festive", "节庆" }, { "Mountain", "山野" },
    { "Garden", "花园" },
};

/* Some hold commas and inch signs, as real titles do. */
const demo_word demo_variants[8] = {
    { "", "" },
    { "", "" },
    { ", blue", "，蓝色" },
    { ", 2 pack", "，两件装" },
    { " (large)", "（大号）" },
    { " 13\"", "13寸" },
    { ", white", "，白色" },
    { " II", "二代" },
};

const demo_word demo_surnames[24] = {
    { "wang", "王" },  { "li", "李" },   { "zhang", "张" }, { "liu", "刘" },  { "chen", "陈" },
    { "yang", "杨" },  { "zhao", "赵" }, { "huang", "黄" }, { "zhou", "周" }, { "wu", "吴" },
    { "xu", "徐" },    { "sun", "孙" },  { "hu", "胡" },    { "zhu", "朱" },  { "gao", "高" },
    { "lin", "林" },   { "he", "何" },   { "guo", "郭" },   { "ma", "马" },   { "luo", "罗" },
    { "liang", "梁" }, { "song", "宋" }, { "zheng", "郑" }, { "xie", "谢" },
};

const demo_word demo_given_names[32] = {
    { "wei", "伟" },       { "fang", "芳" },      { "na", "娜" },        { "min", "敏" },
    { "jing", "静" },      { "lei", "磊" },       { "yang", "洋" },      { "yan", "艳" },
    { "yong", "勇" },      { "juan", "娟" },      { "tao", "涛" },       { "ming", "明" },
    { "chao", "超" },      { "xiulan", "秀兰" },  { "xia", "霞" },       { "ping", "平" },
    { "zihan", "子涵" },   { "yuxuan", "宇轩" },  { "haoran", "浩然" },  { "xinyi", "欣怡" },
    { "ziyi", "子怡" },    { "mengyao", "梦瑶" }, { "junjie", "俊杰" },  { "jiahao", "嘉豪" },
    { "siqi", "思琪" },    { "ruoxi", "若曦" },   { "tianyu", "天宇" },  { "yichen", "奕辰" },
    { "shuting", "淑婷" }, { "lihua", "丽华" },   { "jianguo", "建国" }, { "guiying", "桂英" },
};

const char *const demo_foreign_given[24] = {
    "Anna",  "James",  "Maria", "David", "Sofia",  "Peter",  "Laura", "Thomas",
    "Emma",  "Daniel", "Julia", "Mark",  "Olivia", "Paul",   "Nina",  "Simon",
    "Grace", "Erik",   "Chloe", "Oscar", "Hannah", "Victor", "Alice", "Leo",
};
const char *const demo_foreign_family[24] = {
    "Smith",   "Johnson", "Garcia", "Miller",  "Novak",  "Larsen",  "Brown",  "Rossi",
    "Schmidt", "Dubois",  "Taylor", "O'Neill", "Keller", "Moreau",  "Walker", "Jansen",
    "Wright",  "Costa",   "Becker", "Murphy",  "Young",  "Fischer", "Clark",  "Bennett",
};

const demo_word demo_cities[16] = {
    { "Shanghai", "上海" }, { "Beijing", "北京" }, { "Guangzhou", "广州" }, { "Shenzhen", "深圳" },
    { "Hangzhou", "杭州" }, { "Chengdu", "成都" }, { "Wuhan", "武汉" },     { "Nanjing", "南京" },
    { "Xi'an", "西安" },    { "Suzhou", "苏州" },  { "Qingdao", "青岛" },   { "Changsha", "长沙" },
    { "Xiamen", "厦门" },   { "Kunming", "昆明" }, { "Harbin", "哈尔滨" },  { "Zhengzhou", "郑州" },
};
const char *const demo_foreign_cities[8] = {
    "Seattle", "Toronto", "London", "Sydney", "Singapore", "Berlin", "Austin", "Auckland",
};
const char *const demo_streets[12] = {
    "松林路",       "湖滨大道",     "云栖街",    "梧桐路",       "学府路",         "长虹街",
    "Maple Street", "Harbour Road", "Hill Lane", "Station Road", "Orchard Avenue", "Mill Street",
};

const char *const demo_praise_zh[8] = {
    "质量很好，物流也快，下次还会再来。",
    "和描述一致，家人都喜欢。",
    "第二次买了，一如既往地好。",
    "包装精美，送人很合适。",
    "性价比很高，推荐！",
    "客服耐心，发货快。",
    "颜色很正，尺码合适。",
    "活动价买的，很划算。",
};
const char *const demo_praise_en[8] = {
    "Exactly as described, quick delivery.",
    "Good quality, would buy again.",
    "My third order, still happy.",
    "Nice packaging, good as a gift.",
    "Great value for the price.",
    "Helpful service, thank you!",
    "Fits well, the colour is right.",
    "Bought it in the sale, \"a steal\".",
};
const char *const demo_blame_zh[8] = {
    "等了两个星期才到，失望。",
    "用了三天就坏了，要求退款。",
    "和图片差太多。",
    "尺码偏小，退货还要自付运费。",
    "客服不理人，打13800000000也没人接。",
    "包装破了，里面少了一件。",
    "质量一般，不值这个价。",
    "有异味，不敢用。",
};
const char *const demo_blame_en[8] = {
    "Arrived after two weeks, disappointed.",
    "Broke on the third day, I want a refund.",
    "Looks nothing like the picture.",
    "Too small, and I had to pay for the return.",
    "Nobody answers, please write to me at angry.buyer@mail.example.",
    "One piece was missing.",
    "Mediocre, not worth the price.",
    "Smells odd, did not dare to use it.",
};

const char *const demo_rivals[DEMO_N_RIVAL] = { "HuoYuan Mall", "Bazaar24", "PriceHut" };
