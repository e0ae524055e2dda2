"""What profiles can say: states by number, text and bit, parts, joins of tables, limits, rows kept and left out."""

from __future__ import annotations

import pytest
from hardcase_agent.domain.errors import ConfigError
from hardcase_agent.domain.part import Component
from hardcase_agent.domain.reading import Gap, GapReason, Kind, Number, Reading, States, Unit
from hardcase_agent.sensors.snmp.layout import Item, is_present, lay_out, particulars, parts_of, without_replaced
from hardcase_agent.sensors.snmp.measure import decode
from hardcase_agent.sensors.snmp.objects import Objects
from hardcase_agent.sensors.snmp.profile import parse_profile, shipped_profiles
from hardcase_agent.sensors.snmp.reference import parse_reference
from hardcase_agent.sensors.snmp.specs import HEALTH, Profile
from hardcase_agent.sensors.snmp.values import Oid, Value, parse_oid

HEAD = 'name = "x"\ntitle = "X"\npresent = "1.3.6.1.4.1.1"\nasset_kind = "server"\ncomponent = "board"\n'
BASE = "1.3.6.1.4.1.1"


def profile(body: str, head: str = HEAD) -> Profile:
    return parse_profile(head + body.replace("~", BASE), path="x.toml")


def shown(objects: dict[str, Value]) -> Objects:
    return Objects({parse_oid(f"{BASE}.{oid}"): value for oid, value in objects.items()})


def items(made: Profile, objects: dict[str, Value]) -> dict[str, Item]:
    return {item.sensor.id: item for item in lay_out(made, shown(objects))}


def reading(body: str, objects: dict[str, Value], sensor: str) -> Reading:
    return decode(items(profile(body), objects)[sensor], shown(objects))


def said(body: str, value: Value) -> list[str] | Reading:
    """State names of a single sensor with the object 1.0 at this value."""
    objects: dict[str, Value] = {"1.0": value}
    item = items(profile(body), objects)["x/a"]
    read = decode(item, shown(objects))
    if not isinstance(read, States):
        return read
    return [name for bit, name in enumerate(item.sensor.states) if read.bits >> bit & 1]


HEALTHY = '[[sensor]]\nid = "a"\nname = "A"\noid = "~.1"\nquantity = "psu.health"\n'


@pytest.mark.parametrize(
    ("value", "states"),
    [
        (1, ["ok"]),
        (2, ["failed"]),
        (b"2", ["failed"]),
        (b"Not Present", ["absent"]),
        (b" not present ", ["absent"]),
        (b"fan FAILED badly", ["failed"]),
        (9, ["unknown"]),
        (b"who knows", ["unknown"]),
    ],
)
def test_states_are_told_by_number_and_by_text_in_any_case(value: Value, states: list[str]) -> None:
    body = (
        HEALTHY + 'values = ["1 ok", "2 failed", "not_present absent", "\'*failed*\' failed"]\notherwise = "unknown"\n'
    )
    assert said(body, value) == states


def test_a_value_that_no_line_names_is_a_gap() -> None:
    read = said(HEALTHY + 'values = ["1 ok"]\n', 7)
    assert isinstance(read, Gap)
    assert read.reason is GapReason.ERROR


def test_a_verdict_has_the_states_of_every_verdict() -> None:
    made = profile(HEALTHY + 'values = ["1 ok"]\n')
    assert items(made, {"1.0": 1})["x/a"].sensor.states == HEALTH


def test_a_map_is_shared_by_sensors() -> None:
    body = '[map]\nstatus = ["1 ok", "2 failed"]\n' + HEALTHY + 'map = "status"\n'
    assert said(body, 2) == ["failed"]


def test_bits_of_a_mask_are_states_side_by_side() -> None:
    body = HEALTHY.replace("psu.health", "psu.status") + 'flags = ["0 present", "3 input_lost"]\notherwise = ""\n'
    assert said(body, 0b1001) == ["present", "input_lost"]
    assert said(body, 0) == []
    assert isinstance(said(body.replace('otherwise = ""\n', ""), b"text"), Gap)


DISKS = """
[[part]]
id = "disk"
component = "disk"
oid = "~.2.1"
labels = ["~.2.2"]
trim = "^physical "
slot = "Bay {i0}: {label}"
model = ["~.2.3"]
serial = ["~.2.4"]
drop = ["~.2.5 2|gone*"]

[[sensor]]
id = "state"
part = "disk"
oid = "~.3.1"
part_at = "[1:]"
quantity = "disk.health"
values = ["1 ok", "2 failed"]

[[sensor]]
id = "heat"
part = "disk"
oid = "~.4.1"
part_at = "~.4.2"
kind = "temperature"
name = "Heat {index}"
limits = ["upper_critical ~.5.1[0]", "lower_critical ~.6.0! x0.5"]
unset = [0, 255]
"""
ROWS: dict[str, Value] = {
    "2.1.7": 1,
    "2.1.8": 1,
    "2.2.7": b"Physical Disk 0",
    "2.2.8": b"Physical Disk 1",
    "2.3.7": b"ST1000",
    "2.4.7": b"N/A",
    "2.5.7": 1,
    "2.5.8": b"gone for good",
    "3.1.1.7": 2,
    "3.1.1.8": 1,
    "4.1.5": 33,
    "4.2.5": 7,
    "5.1.5": 60,
    "6.0": -20,
}


def test_parts_are_rows_of_a_table_with_what_their_columns_tell() -> None:
    (part,) = parts_of(profile(DISKS), shown(ROWS))
    assert (part.component, part.slot, part.model, part.serial) == (Component.DISK, "Bay 7: Disk 0", "ST1000", "")


def test_a_sensor_of_another_table_belongs_to_the_part_by_a_piece_of_its_index_or_by_a_pointer() -> None:
    made = items(profile(DISKS), ROWS)
    assert made["x/state/1.7"].sensor.part.slot == "Bay 7: Disk 0"
    assert made["x/heat/5"].sensor.part.slot == "Bay 7: Disk 0"
    # The part of the second disk was left out: the sensor has its own words for it.
    assert made["x/state/1.8"].sensor.part.model == ""


def test_limits_may_stand_in_other_tables_and_have_their_own_scale() -> None:
    limits = items(profile(DISKS), ROWS)["x/heat/5"].sensor.limits
    assert (limits.upper_critical, limits.lower_critical, limits.source) == (60.0, -10.0, "mib")


@pytest.mark.parametrize("raw", [0, 255])
def test_a_limit_that_nobody_set_is_none(raw: int) -> None:
    assert items(profile(DISKS), ROWS | {"5.1.5": raw})["x/heat/5"].sensor.limits.upper_critical is None


def test_a_look_asks_for_the_ends_of_pointers_in_a_second_round() -> None:
    body = """
[[sensor]]
id = "v"
name = "{label}"
oid = "~.1"
labels = ["~.2 > ~.3"]
kind = "voltage"
"""
    made = profile(body)
    first: dict[Oid, Value] = {parse_oid(f"{BASE}.1.4"): 5}
    wanted = particulars(made, first)
    assert wanted == (parse_oid(f"{BASE}.2.4"),)
    second = particulars(made, {**first, parse_oid(f"{BASE}.2.4"): 9})
    assert second == (parse_oid(f"{BASE}.3.9"),)
    (item,) = lay_out(made, Objects({**first, parse_oid(f"{BASE}.2.4"): 9, parse_oid(f"{BASE}.3.9"): b"Rail"}))
    assert item.sensor.name == "Rail"


def test_rows_are_kept_and_left_out_by_other_columns() -> None:
    body = """
[[sensor]]
id = "v"
name = "{label} {index}"
oid = "~.1"
labels = ["~.2"]
keep = ["~.3 1|2"]
drop = ["~.2 unused*"]
kind = "voltage"
"""
    rows: dict[str, Value] = {}
    for row, (name, kind) in enumerate((("A", 1), ("Unused 3", 1), ("C", 9), ("D", 2))):
        rows |= {f"1.{row}": 5, f"2.{row}": name.encode(), f"3.{row}": kind}
    assert [item.sensor.name for item in items(profile(body), rows).values()] == ["A 0", "D 3"]


def test_rows_without_a_name_of_their_own_are_named_by_index() -> None:
    body = (
        '[[sensor]]\nid = "v"\nname = "{label}"\noid = "~.1"\nindex_names = ["1 Left", "2.5 Right"]\nkind = "voltage"\n'
    )
    made = items(profile(body), {"1.1": 1, "1.2.5": 2, "1.9": 3})
    assert [item.sensor.name for item in made.values()] == ["Left", "Right", "9"]


def test_numbers_of_an_enumeration_may_be_words_of_a_name() -> None:
    body = (
        '[[sensor]]\nid = "t"\nname = "{label} {i0}"\noid = "~.1"\nlabels = ["~.2"]\nlabel_words = ["11 ambient"]\n'
        'kind = "temperature"\n'
    )
    assert items(profile(body), {"1.4": 20, "2.4": 11})["x/t/4"].sensor.name == "ambient 4"


@pytest.mark.parametrize(
    ("value", "wanted"),
    [(b"38.5", 38.5), (b" 12 ", 12.0), (-3, -3.0), (b".5", 0.5)],
)
def test_numbers_may_come_as_text(value: Value, wanted: float) -> None:
    body = '[[sensor]]\nid = "a"\nname = "A"\noid = "~.1"\nkind = "temperature"\n'
    assert reading(body, {"1.0": value}, "x/a") == Number(wanted)


@pytest.mark.parametrize(
    ("value", "reason"), [(b"N/A", GapReason.ABSENT), (b"", GapReason.ABSENT), (b"broken", GapReason.ERROR)]
)
def test_words_in_a_numbers_place_are_a_gap(value: Value, reason: GapReason) -> None:
    read = reading('[[sensor]]\nid = "a"\nname = "A"\noid = "~.1"\nkind = "temperature"\n', {"1.0": value}, "x/a")
    assert isinstance(read, Gap)
    assert read.reason is reason


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_what_is_not_finite_is_a_gap_and_no_limit(value: float) -> None:
    body = '[[sensor]]\nid = "a"\nname = "A"\noid = "~.1"\nkind = "temperature"\nlimits = ["upper_critical ~.2.0"]\n'
    item = items(profile(body), {"1.0": value, "2.0": value})["x/a"]
    assert isinstance(decode(item, shown({"1.0": value})), Gap)
    assert item.sensor.limits.upper_critical is None


def test_the_power_of_ten_may_be_a_column_of_its_own() -> None:
    body = '[[sensor]]\nid = "a"\nname = "{index}"\noid = "~.1"\nexponent_oid = "~.2"\nkind = "voltage"\n'
    assert reading(body, {"1.4": 1203, "2.4": -2}, "x/a/4") == Number(12.03)


def test_offset_and_negative_scale_make_used_out_of_left() -> None:
    body = '[[sensor]]\nid = "a"\nname = "A"\noid = "~.1"\nkind = "percentage"\nscale = -1.0\noffset = 100.0\n'
    assert reading(body, {"1.0": 93}, "x/a") == Number(7.0)


def test_a_kind_told_by_words_may_have_wildcards() -> None:
    body = (
        '[[sensor]]\nid = "a"\nname = "{label}"\noid = "~.1"\nlabels = ["~.2"]\nkind = "temperature"\n'
        'kind_oid = "~.2"\nkinds = ["*temp* temperature Cel", "fan* fan RPM"]\n'
    )
    made = items(profile(body), {"1.1": 1, "2.1": b"CPU Temp", "1.2": 2, "2.2": b"FAN1", "1.3": 3, "2.3": b"other"})
    assert [(item.sensor.kind, item.sensor.unit) for item in made.values()] == [
        (Kind.TEMPERATURE, Unit.CELSIUS),
        (Kind.FAN, Unit.RPM),
    ]


def test_a_profile_may_ask_for_a_family_of_sys_object_ids_and_is_generous_where_none_is_told() -> None:
    made = profile("", HEAD + 'object_ids = ["1.3.6.1.4.1.5"]\n')
    below: dict[Oid, Value] = {parse_oid(f"{BASE}.9"): 1}
    identity = parse_oid("1.3.6.1.2.1.1.2.0")
    assert is_present(made, below)
    assert is_present(made, {**below, identity: parse_oid("1.3.6.1.4.1.5.7")})
    assert not is_present(made, {**below, identity: parse_oid("1.3.6.1.4.1.6")})


def test_a_better_profile_stands_for_another_only_where_it_has_sensors() -> None:
    plain = profile("", HEAD.replace('"x"', '"plain"'))
    better = profile(HEALTHY + 'values = ["1 ok"]\n', HEAD + 'replaces = ["plain"]\n')
    some = lay_out(better, shown({"1.0": 1}))
    assert [made.name for made, _ in without_replaced([(plain, ()), (better, some)])] == ["x"]
    assert [made.name for made, _ in without_replaced([(plain, ()), (better, ())])] == ["plain", "x"]


@pytest.mark.parametrize(
    "text", ["", "sysDescr", "1.3.6[", "1.3.6[a]", "1.3.6[]", "1.3.6 >", "> 1.3.6", "1.3.6!!", "1.3.6[0][1]"]
)
def test_a_reference_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"OID|empty"):
        parse_reference(text)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (HEALTHY + 'map = "status"\n', "there is no [map] 'status'"),
        (HEALTHY + 'values = ["1 fine"]\n', "no state 'fine'"),
        (HEALTHY + 'part = "disk"\nvalues = ["1 ok"]\n', "there is no [[part]] with the id 'disk'"),
        (HEALTHY + 'values = ["1 ok"]\ndrop = ["~.4"]\n', "is not COLUMN and values"),
        (HEALTHY + 'values = ["1 ok"]\nlabels = ["name"]\n', "is no OID"),
        ("[map]\nstatus = 1\n", "x.toml.map.status: must be a list"),
    ],
)
def test_a_mistake_is_told_with_its_place(body: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        profile(body)
    assert words in str(caught.value)


def test_every_shipped_profile_has_a_place_to_look_and_something_to_tell() -> None:
    profiles = shipped_profiles()
    assert len(profiles) > 40
    for made in profiles:
        assert made.present, made.name
        assert made.sensors or made.parts or made.traps or made.asset.model or made.asset.vendor, made.name
        assert {name for name in made.replaces} <= {other.name for other in profiles}, made.name
