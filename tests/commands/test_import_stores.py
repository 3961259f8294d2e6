"""`jishi import stores`: sheets of stores as people keep them, and what is wrong with them."""

import csv
from pathlib import Path
from typing import Any

import orjson
import pytest
from openpyxl import Workbook

from commerce.catalog.rules.cells import Wrong
from commerce.stores.directory import directory
from commerce.stores.queries import get_store
from commerce.stores.store import Store, can_deliver
from kit import db
from kit.geo import Point, bd09_to_gcj02, haversine_m, wgs84_to_gcj02
from scripts.stores_area import read_fence, read_system
from scripts.stores_hours import read_week
from tests.commands.program import Desk, Ran
from tests.shop import Shop

HEADER = "门店编码,门店名称,城市,区县,地址,电话,纬度,经度,坐标系,营业时间,自提,配送,配送费,起送金额,配送范围,备货分钟"
PLAIN = (
    "SH01,集市·外滩店,上海市,黄浦区,中山东一路1号,021-64000001,31.228474,121.478224,,24小时,,,,,,"
)
DAY = [540, 1320]
PLACE = Point(31.228474, 121.478224)


def write(desk: Desk, *lines: str, encoding: str = "utf-8") -> Path:
    path = desk.folder / "stores.csv"
    path.write_bytes("\n".join(lines).encode(encoding))
    return path


async def bring(desk: Desk, path: Path, *options: str) -> Ran:
    return await desk.run("import", "stores", str(path), *options)


def tally(created: int, changed: int, unchanged: int) -> str:
    return (
        f"门店 stores: {created} 新增 created, {changed} 更新 changed, {unchanged} 不变 unchanged\n"
    )


async def stored(code: str) -> Store:
    return await get_store(await db.value("select id from store where code = $1", code))


async def test_a_gb18030_sheet_in_three_coordinate_systems_goes_in_once(desk: Desk) -> None:
    path = write(
        desk,
        HEADER,
        PLAIN,
        "SH02,集市·人民广场店,上海市,黄浦区,南京西路2号,13800138000,31.230416,121.473701,WGS-84,"
        '周一至周日 09:00-22:00,是,是,5,"20.50",3公里,25',
        "SH03,集市·夜宵店,上海市,黄浦区,南京西路3号,400-600-1234,31.234327,121.484782,bd-09,"
        "18:00-02:00,是,是,,,"
        '"121.48,31.23;121.49,31.23;121.49,31.24;121.48,31.24;121.48,31.23",',
        encoding="gb18030",
    )
    ran = await bring(desk, path)
    assert (ran.code, ran.err, ran.out) == (0, "", tally(3, 0, 0))

    plain = await stored("SH01")
    assert (plain.point, plain.name, plain.fence) == (PLACE, "集市·外滩店", None)
    assert plain.hours.weekly == (((0, 1440),),) * 7
    assert (plain.offers_pickup, plain.offers_delivery, plain.takes_orders) == (True, False, True)
    assert (plain.delivery_fee_fen, plain.minimum_order_fen, plain.preparation_minutes) == (
        0,
        0,
        15,
    )

    gps = await stored("SH02")
    assert (gps.point.lat, gps.point.lng) == pytest.approx((31.228474, 121.478224), abs=1e-6)
    assert (gps.delivery_fee_fen, gps.minimum_order_fen, gps.preparation_minutes) == (500, 2050, 25)
    assert (gps.phone, gps.hours.weekly) == ("13800138000", (((540, 1320),),) * 7)
    assert can_deliver(gps, Point(gps.point.lat + 0.0265, gps.point.lng))  # 2.95 km
    assert not can_deliver(gps, Point(gps.point.lat + 0.0275, gps.point.lng))  # 3.06 km

    baidu = await stored("SH03")
    assert (baidu.point.lat, baidu.point.lng) == pytest.approx((31.228474, 121.478224), abs=4e-6)
    assert baidu.hours.weekly == (((1080, 1560),),) * 7
    assert baidu.fence is not None
    corner = bd09_to_gcj02(31.23, 121.48)
    assert len(baidu.fence.corners) == 4
    first = baidu.fence.corners[0]
    assert (first.lat, first.lng) == pytest.approx((corner.lat, corner.lng), abs=1e-6)

    touched = await db.rows("select id, changed_in::text from store order by id")
    ran = await bring(desk, path)
    assert (ran.code, ran.out) == (0, tally(0, 0, 3))
    assert await db.rows("select id, changed_in::text from store order by id") == touched


async def test_a_workbook_is_read_below_its_title_with_numbers_as_cells(desk: Desk) -> None:
    book = Workbook()
    rows: list[list[Any]] = [
        ["门店资料"],
        ["门店编码", "门店名称", "城市", "区/县", "地址", "联系电话", "纬度", "经度", "营业时间"],
        ["A1", "一店", "上海市", "黄浦区", "路1号", 13800138000, 31.2, 121.5, "9:00-22:00"],
    ]
    rows[1] += ["配送费(元)", "配送范围", "备货分钟", "店长"]
    rows[2] += [6.5, "800米", 20, "王"]
    for row in rows:
        book.active.append(row)
    path = desk.folder / "stores.xlsx"
    book.save(path)
    ran = await bring(desk, path)
    assert (ran.code, ran.out) == (0, tally(1, 0, 0)), ran.err
    assert ran.err == "忽略的列 Columns left out: 店长\n"
    store = await stored("A1")
    assert (store.phone, store.delivery_fee_fen, store.preparation_minutes) == (
        "13800138000",
        650,
        20,
    )
    assert store.offers_delivery


async def test_every_bad_cell_is_told_and_no_store_is_made(desk: Desk) -> None:
    path = write(
        desk,
        HEADER,
        PLAIN,
        "SH 2,,上海市,黄浦区,路2号,2164000000,31°13,121.47,GCJ03,九点开门,对,是,五元,1.234,3公里,1441",
        "SH03,店,上海市,黄浦区,路3号,电话,121.47,31.22,,周一 09:00-12:00;周一 14:00-18:00,是,否,,,,",
        "SH04,店,上海市,黄浦区,路4号,1,31.22,121.47,,08:00-12:00 11:00-13:00,是,是,,,,",
        PLAIN,
        "SH06,店,上海市,黄浦区,路6号,12345,31.22,121.47,,24小时,是,是,,,31公里,",
        'SH07,店,上海市,黄浦区,路7号,12345,31.22,121.47,,24小时,,,,,"121.4,31.2;121.5,31.3;121.5,31.2;121.4,31.3",',
        "SH08,店,上海市,黄浦区,路8号,12345,31.22,121.47,,24小时,,,,,附近,",
        "SH09,店,上海市,黄浦区,路9号,12345,31.22,121.47,,24小时,是,是,,,,",
    )
    report = desk.folder / "faults.csv"
    ran = await bring(desk, path, "--report", str(report))
    assert (ran.code, ran.out) == (1, "")
    with report.open(encoding="utf-8-sig", newline="") as source:
        told = [(int(row[0]), row[1], row[2]) for row in list(csv.reader(source))[1:]]
    assert sorted(told) == sorted(
        [
            (3, "门店编码", "not_code"),
            (3, "门店名称", "missing"),
            (3, "电话", "lost_zero"),
            (3, "纬度", "not_degrees"),
            (3, "坐标系", "not_system"),
            (3, "营业时间", "not_hours"),
            (3, "自提", "not_yes_or_no"),
            (3, "配送费", "not_money"),
            (3, "起送金额", "not_money"),
            (3, "备货分钟", "not_count"),
            (4, "电话", "not_phone"),
            (4, "纬度", "not_in_china"),
            (4, "营业时间", "day_twice"),
            (5, "电话", "not_phone"),
            (5, "营业时间", "hours_overlap"),
            (6, "门店编码", "code_twice"),
            (7, "配送范围", "not_radius"),
            (8, "配送范围", "bad_fence"),
            (9, "配送范围", "not_area"),
            (10, "配送范围", "no_area"),
        ]
    )
    assert (
        "第 4 行 纬度: 不在中国境内，纬度和经度是否填反了 / row 4, 纬度 is not in China" in ran.err
    )
    assert "20 处错误，未导入任何内容。" in ran.err
    assert await db.value("select count(*) from store") == 0


async def test_an_empty_cell_leaves_what_is_stored_and_so_do_pauses_and_holidays(
    desk: Desk,
) -> None:
    full = PLAIN.replace(",,24小时,,,,,,", ",,24小时,否,是,6,30,3公里,25")
    assert (await bring(desk, write(desk, HEADER, full))).code == 0
    await db.execute("update store set is_paused = true")
    await db.execute(
        "insert into store_day (store_id, on_date, intervals, note)"
        " select id, '2027-02-06', '[]', '春节' from store"
    )
    before = await stored("SH01")
    ran = await bring(desk, write(desk, HEADER, PLAIN.replace("021-64000001", "021-64000002")))
    assert (ran.code, ran.out) == (0, tally(0, 1, 0)), ran.err
    after = await stored("SH01")
    assert after.phone == "021-64000002"
    assert after.is_paused
    assert after.hours == before.hours
    assert len(after.hours.days) == 1
    assert await db.value("select note from store_day") == "春节"
    assert (after.offers_pickup, after.offers_delivery) == (False, True)
    assert (after.delivery_fee_fen, after.minimum_order_fen) == (600, 3000)
    assert after.preparation_minutes == 25
    assert after.fence is not None

    ran = await bring(desk, write(desk, HEADER, PLAIN.replace("31.228474,121", "30.228474,120")))
    assert ran.code == 1
    assert "第 2 行 配送范围: 不是可用的范围" in ran.err
    assert "a fence stays within 30 km of its store" in ran.err
    none = PLAIN.replace(",,24小时,,,,,,", ",,24小时,,否,,,无,")
    ran = await bring(desk, write(desk, HEADER, none))
    assert (ran.code, ran.out) == (0, tally(0, 1, 0)), ran.err
    assert (await stored("SH01")).fence is None


async def test_what_is_no_sheet_of_stores_is_refused(desk: Desk) -> None:
    ran = await bring(desk, write(desk, "商品编码,商品名称,分类,售价", "A1,奶,乳品,1"))
    assert ran.code == 1
    assert "前 10 行里找不到表头（需要门店编码、门店名称、" in ran.err


async def test_an_empty_shop_is_put_to_work(shop: Shop, desk: Desk) -> None:
    path = write(desk, HEADER, PLAIN.replace(",,24小时,,,,,,", ",,24小时,,,5,,2公里,"))
    assert (await bring(desk, path)).code == 0
    word = "open at dawn 2026"
    options = ("--name", "王店长", "--role", "store_manager", "--store", "SH01")
    typed = f"{word}\n".encode()
    assert (await desk.run("hire", "wang", *options, "--password-stdin", typed=typed)).code == 0
    goods = desk.folder / "goods.csv"
    goods.write_text("商品编码,商品名称,分类,售价,库存:SH01\nA1,鲜牛奶,乳品,12.90,3\n")
    assert (await desk.run("import", "catalogue", str(goods))).code == 0
    directory.expire()

    here = {"lat": PLACE.lat, "lng": PLACE.lng}
    found = (await shop.http.get("/v1/stores/nearest", params=here)).json()["stores"]
    assert [one["store"]["name"] for one in found] == ["集市·外滩店"]
    answer = await shop.http.post("/v1/staff/session", json={"account": "wang", "password": word})
    assert answer.status_code == 201, answer.text
    assert answer.json()["staff"]["store_ids"] == [found[0]["store"]["id"]]
    assert tuple(await db.one("select on_hand, reserved from stock_level")) == (3, 0)


SPLIT = [[480, 720], [840, 1320]]


@pytest.mark.parametrize(
    ("text", "week"),
    [
        ("周一至周日 09:00-22:00", [[DAY]] * 7),
        ("9:00-22:00", [[DAY]] * 7),
        (
            "周一至周五 08:00-12:00 14:00-22:00;周六至周日 09:00-23:00",
            [SPLIT] * 5 + [[[540, 1380]]] * 2,
        ),
        ("周一到周五08：00－12：00，14：00—22：00；周末 24 小时", [SPLIT] * 5 + [[[0, 1440]]] * 2),
        ("24小时", [[[0, 1440]]] * 7),
        ("18:00-02:00", [[[1080, 1560]]] * 7),
        ("18:00-次日 02:00", [[[1080, 1560]]] * 7),
        ("周六至周一 10:00-24:00", [[[600, 1440]], [], [], [], [], [[600, 1440]], [[600, 1440]]]),
        (
            "周一、星期三 休息\n周二、周四至周六 09:00-22:00",
            [[], [DAY], [], [DAY], [DAY], [DAY], []],
        ),
        ("14:00-22:00 08:00-12:00", [SPLIT] * 7),
    ],
)
def test_hours_are_read_as_people_write_them(text: str, week: list[list[list[int]]]) -> None:
    assert read_week(text) == week


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *(
            (text, "not_hours")
            for text in ("x", ";", "周一", "周一 休息", "09:00-09:00", "25:00-26:00")
        ),
        *(
            (text, "not_hours")
            for text in ("08:60-09:00", "24:00-08:00", "24小时 休息", "周一,09:00")
        ),
        *((text, "day_twice") for text in ("周一 24小时;周日至周二 09:00-12:00", "24小时;24小时")),
        *((text, "hours_overlap") for text in ("08:00-12:00 11:00-13:00", "10:00-次日11:00")),
    ],
)
def test_hours_that_say_nothing_certain_are_refused(text: str, code: str) -> None:
    with pytest.raises(Wrong) as refused:
        read_week(text)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("text", "metres"),
    [("3公里", 3000), ("0.5 千米", 500), ("800米", 800), ("１.５KM", 1500), ("30公里", 30000)],
)
def test_a_radius_is_twelve_corners_on_its_circle(text: str, metres: int) -> None:
    fence = read_fence(text, PLACE, read_system("GCJ-02"))
    assert fence is not None
    assert len(fence) == 12
    distances = [haversine_m(PLACE.lat, PLACE.lng, lat, lng) for lng, lat in fence]
    assert min(distances) > metres - 1.5
    assert max(distances) <= metres
    assert orjson.loads(orjson.dumps(fence)) == fence


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *((text, "not_radius") for text in ("0米", "99米", "31公里", "99999km")),
        *((text, "not_area") for text in ("附近", "3", "121.4,31.2,0;1,2,3")),
        ("121.4,三十一", "not_degrees"),
        ("31.2,121.4;31.2,121.5;31.3,121.5", "not_in_china"),
        ("121.4,31.2;121.5,31.2", "bad_fence"),
        ("100.4,31.2;100.5,31.2;100.5,31.3", "bad_fence"),
    ],
)
def test_an_area_that_is_none_is_refused(text: str, code: str) -> None:
    with pytest.raises(Wrong) as refused:
        read_fence(text, PLACE, read_system("高德"))
    assert refused.value.code == code


def test_a_fence_is_converted_from_the_system_of_its_row() -> None:
    fence = read_fence("121.45,31.2;121.5,31.2;121.5,31.25", PLACE, read_system("gps"))
    corner = wgs84_to_gcj02(31.2, 121.45)
    assert fence is not None
    assert fence[0] == [round(corner.lng, 6), round(corner.lat, 6)]
