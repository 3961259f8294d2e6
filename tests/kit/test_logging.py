"""One line per event, and nothing personal on it."""

import json
import logging
import uuid

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from kit.logging import configure, mask

SECRET = "8f3kZq-very-secret"


@pytest.fixture
def lines(capsysbinary):
    """Configures, and afterwards puts everything back; call it to read what was written."""
    structure, handlers, level = (
        structlog.get_config(),
        logging.root.handlers[:],
        logging.root.level,
    )
    structlog.contextvars.clear_contextvars()

    def read():
        return capsysbinary.readouterr().out.decode()

    yield read
    structlog.contextvars.clear_contextvars()
    structlog.configure(**structure)
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def test_an_event_is_one_line_of_json_with_its_request_id(lines):
    configure("json")
    structlog.contextvars.bind_contextvars(request_id="r-1")
    structlog.get_logger().info("order.placed", payable_fen=1230, lines=[{"qty": 2}])
    written = lines()
    assert written.count("\n") == 1
    event = json.loads(written)
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "order.placed",
        "level": "info",
        "request_id": "r-1",
        "payable_fen": 1230,
        "lines": [{"qty": 2}],
    }


@pytest.mark.parametrize("shape", ["json", "console"])
def test_line_breaks_from_outside_cannot_start_a_line(lines, shape):
    configure(shape)
    forged = "x\r\n{'event': 'forged'}\x1b[2J\u2028\x85"
    structlog.get_logger().info(forged, note=forged, deep={"a": [forged]})
    logging.getLogger("sanic.access").warning("%s", forged)
    written = lines()
    assert written.count("\n") == 2
    assert "\r" not in written
    assert "\x1b[2J" not in written


@pytest.mark.parametrize("shape", ["json", "console"])
def test_the_standard_library_goes_through_the_same_pipe(lines, shape):
    logger = logging.getLogger(f"tortoise.{uuid.uuid4().hex}")
    own = logging.StreamHandler()
    logger.addHandler(own)
    logger.propagate = False
    configure(shape)
    structlog.contextvars.bind_contextvars(request_id="r-2")
    logger.warning("slow query for %s", "13812341234")
    logger.debug("unseen")
    written = lines()
    assert written.count("\n") == 1
    assert "slow query for 138****1234" in written
    assert logger.name in written
    assert "r-2" in written
    assert logger.handlers == []


def refuse(words):
    hidden = f"local-{len(words)}-value"
    assert hidden
    raise ValueError(words)


def test_a_traceback_is_kept_on_the_line_and_masked(lines):
    configure("json")
    for log in (structlog.get_logger(), logging.getLogger("asyncio")):
        try:
            refuse(f"refused for 138-1234-1234 with session_key={SECRET}")
        except ValueError:
            log.exception("job.died")
    for line in lines().splitlines():
        event = json.loads(line)
        assert "ValueError: refused for 138****1234" in event["exception"]
        assert SECRET not in line


def test_the_console_shows_a_traceback_without_local_variables(lines):
    configure("console")
    try:
        refuse("")
    except ValueError:
        structlog.get_logger().exception("job.died")
    written = lines()
    assert "raise ValueError(words)" in written
    assert "local-0-value" not in written


def test_words_that_do_not_fit_their_pattern_are_logged_as_they_are(lines):
    configure("json")
    logging.getLogger("somewhere").warning("%d and %d", 1)  # noqa: PLE1206
    assert json.loads(lines())["event"] == "%d and %d"


@pytest.mark.parametrize("shape", ["json", "console"])
def test_what_orjson_cannot_write_is_written_nevertheless(lines, shape):
    configure(shape)
    structlog.get_logger().info("odd", text="\ud800", number=2**70, when=uuid.UUID(int=1))
    written = lines()
    assert "\\ud800" in written
    assert str(2**70) in written
    assert str(uuid.UUID(int=1)) in written


def masked(**event):
    return mask(None, "info", event)


@pytest.mark.parametrize(
    "key",
    [
        *("phone", "address", "name_receiver", "session_key", "token", "secret", "authorization"),
        *("password", "code", "access_token", "app_secret", "Authorization", "X-Auth-Token"),
    ],
)
@pytest.mark.parametrize("value", [SECRET, 12345678, [SECRET], {"a": SECRET}, SECRET.encode()])
def test_a_secret_is_hidden_by_its_key_at_any_depth(key, value):
    event = masked(**{key: value}, body={"list": [{key: value}]})
    assert event == {key: "***", "body": {"list": [{key: "***"}]}}


def test_other_keys_and_numbers_are_kept():
    event = {"status_code": 200, "payable_fen": 1230, "ok": True, "none": None, "ratio": 0.5}
    assert masked(**event) == event
    assert masked(order_no="261123443435360977") == {"order_no": "261123443435360977"}
    assert masked(request_id="a13812341234" + "b" * 20) == {"request_id": "a13812341234" + "b" * 20}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("13812341234", "138****1234"),
        ("手机13812341234号", "手机138****1234号"),
        ("call +8613812341234 or 008613812341234", "call +86138****1234 or 0086138****1234"),
        ("138 1234 1234, 138-1234-1234", "138****1234, 138****1234"),
        (13812341234, "138****1234"),
        (b"tel:13812341234", "tel:138****1234"),
        (("a", 13812341234), ["a", "138****1234"]),
        (ValueError("13812341234"), "138****1234"),
        ({"13812341234": 1}, {"138****1234": 1}),
        ("213812341234", "213812341234"),
        (23812341234, 23812341234),
        (f"GET /cgi?secret={SECRET}&x=1", "GET /cgi?secret=***&x=1"),
        (f'{{"session_key": "{SECRET}"}}', '{"session_key": "***"}'),
        (f"Authorization: Bearer {SECRET}", "Authorization: Bearer ***"),
        (f"Key (token)=({SECRET}) already exists", "Key (token)=(***) already exists"),
    ],
)
def test_phone_numbers_and_named_secrets_are_hidden_in_any_value(value, shown):
    assert masked(value=value) == {"value": shown}


@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True), st.text("abc 中,:=", max_size=9))
def test_no_mainland_number_survives_between_other_characters(phone, around):
    assert phone not in str(masked(event=around + phone + around, nested=[{"x": around + phone}]))


def test_a_structure_without_end_ends():
    endless = []
    endless.append(endless)
    assert "…" in str(masked(value=endless))
