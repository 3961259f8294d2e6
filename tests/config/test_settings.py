import base64
import secrets
import stat
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from config import demo_secrets
from config.sandbox import sandbox_config
from config.settings import Settings, SettingsRefused

MERCHANT = rsa.generate_private_key(65537, 2048)
PLATFORM = rsa.generate_private_key(65537, 2048)


def private_pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def real_key() -> str:
    return base64.b64encode(b"r" + secrets.token_bytes(31)).decode()


def production(data_dir: Path, **changes: str) -> dict[str, str]:
    environ = {
        "JISHI_ENV": "production",
        "JISHI_DATA_DIR": str(data_dir),
        "JISHI_PUBLIC_URL": "https://shop.example.com",
        "WECHAT_APPID": "wx0123456789abcdef",
        "WECHAT_APP_SECRET": secrets.token_hex(16),
        "WECHAT_PAY_MCHID": "1900000109",
        "WECHAT_PAY_SERIAL_NO": secrets.token_hex(20),
        "WECHAT_PAY_PRIVATE_KEY": private_pem(MERCHANT),
        "WECHAT_PAY_API_V3_KEY": secrets.token_hex(16),
        "WECHAT_PAY_PUBLIC_KEY_ID": "PUB_KEY_ID_0114232134912410000000000000",
        "WECHAT_PAY_PUBLIC_KEY": demo_secrets.public_pem(PLATFORM.public_key()),
        "WECHAT_TEMPLATE_ORDER_PAID": "t-paid",
        "WECHAT_TEMPLATE_ORDER_READY": "t-ready",
        "WECHAT_TEMPLATE_ORDER_REFUNDED": "t-refunded",
        "JISHI_SEALING_KEYS": f"k2:{real_key()},k1:{real_key()}",
        "JISHI_INDEX_KEY": real_key(),
        "JISHI_METRICS_TOKEN": secrets.token_hex(16),
    }
    return environ | changes


def faults_of(environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsRefused) as refused:
        Settings.read(environ)
    return refused.value.faults


SECRETS = sorted(
    name
    for name in production(Path())
    if name not in {"JISHI_ENV", "JISHI_DATA_DIR", "JISHI_PUBLIC_URL"}
)


def test_development_needs_no_variable(tmp_path):
    settings = Settings.read({"JISHI_DATA_DIR": str(tmp_path)})
    assert settings.env == "development"
    assert settings.database_url is None
    assert settings.redis_url is None
    assert settings.public_url == "http://127.0.0.1:8000"
    assert settings.wechat_api_url == settings.wechat_pay_url == "http://127.0.0.1:8001"
    assert settings.uses_sandbox
    assert settings.template("order_paid") == settings.template_order_paid
    assert len(settings.index_key) == 32
    assert list(settings.sealing_keys) == ["demo1"]


def test_demo_secrets_stay_the_same_and_are_readable_by_their_owner_only(tmp_path):
    first = Settings.read({"JISHI_DATA_DIR": str(tmp_path)})
    assert Settings.read({"JISHI_DATA_DIR": str(tmp_path)}) == first
    mode = (tmp_path / "demo_secrets.json").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["demo_secrets.json"]


def test_processes_that_start_together_agree_on_the_demo_secrets(tmp_path):
    found = []

    def ask():
        found.append(demo_secrets.demo_secrets(tmp_path))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all(one == found[0] for one in found)


def test_production_takes_a_complete_set(tmp_path):
    settings = Settings.read(production(tmp_path))
    assert settings.is_production
    assert not settings.uses_sandbox
    assert settings.wechat_api_url == "https://api.weixin.qq.com"
    assert settings.wechat_pay_url == "https://api.mch.weixin.qq.com"
    assert settings.log_format == "json"
    assert list(settings.sealing_keys) == ["k2", "k1"]
    assert not (tmp_path / "demo_secrets.json").exists()


def test_production_names_every_missing_secret_at_once(tmp_path):
    faults = faults_of({"JISHI_ENV": "production", "JISHI_DATA_DIR": str(tmp_path)})
    for name in SECRETS:
        assert f"{name}: is missing" in faults
    assert any(fault.startswith("JISHI_PUBLIC_URL: must be https") for fault in faults)


@pytest.mark.parametrize("name", SECRETS)
def test_production_names_the_one_missing_secret(tmp_path, name):
    assert faults_of(production(tmp_path, **{name: ""})) == [f"{name}: is missing"]


@pytest.mark.parametrize("name", SECRETS)
def test_production_refuses_each_demo_secret(tmp_path, name):
    demo = demo_secrets.demo_secrets(tmp_path)
    fields = {
        "WECHAT_PAY_PRIVATE_KEY": "merchant_private_key_pem",
        "WECHAT_PAY_PUBLIC_KEY": "public_key_pem",
        "WECHAT_PAY_API_V3_KEY": "api_v3_key",
        "WECHAT_PAY_MCHID": "mchid",
        "WECHAT_PAY_SERIAL_NO": "merchant_serial_no",
        "WECHAT_PAY_PUBLIC_KEY_ID": "public_key_id",
        "WECHAT_APPID": "wechat_appid",
        "WECHAT_APP_SECRET": "wechat_app_secret",
    }
    field = fields.get(name) or name.removeprefix("JISHI_").removeprefix("WECHAT_").lower()
    faults = faults_of(production(tmp_path, **{name: getattr(demo, field)}))
    assert faults == [f"{name}: is a demo secret"]


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("JISHI_PUBLIC_URL", "http://shop.example.com", "https"),
        ("JISHI_PUBLIC_URL", "https://127.0.0.1:8000", "this machine"),
        ("WECHAT_API_URL", "http://127.0.0.1:8001", "https"),
        ("WECHAT_PAY_URL", "https://localhost:8001", "this machine"),
        ("WECHAT_PAY_API_V3_KEY", "short", "32 characters"),
        ("WECHAT_APP_SECRET", "short", "too short"),
        ("JISHI_METRICS_TOKEN", "short", "too short"),
        ("JISHI_INDEX_KEY", base64.b64encode(b"r" * 31).decode(), "32 bytes"),
        ("JISHI_SEALING_KEYS", "k1:" + base64.b64encode(b"r" * 16).decode(), "32 bytes"),
        ("JISHI_SEALING_KEYS", "K 1:" + real_key(), "must read"),
        ("JISHI_SEALING_KEYS", f"k1:{real_key()},k1:{real_key()}", "must read"),
        ("WECHAT_PAY_PRIVATE_KEY", private_pem(rsa.generate_private_key(65537, 1024)), "bits"),
        ("WECHAT_PAY_PRIVATE_KEY", "/nowhere/key.pem", "neither PEM text nor a readable file"),
        ("WECHAT_PAY_PUBLIC_KEY", "-----BEGIN PUBLIC KEY-----\nx", "cannot be read"),
    ],
    # Fresh keys in a test's name would make every worker collect other tests.
    ids=[f"fault-{number}" for number in range(14)],
)
def test_production_refuses_what_is_weak_or_points_to_the_sandbox(tmp_path, name, value, word):
    faults = faults_of(production(tmp_path, **{name: value}))
    assert len(faults) == 1
    assert faults[0].startswith(f"{name}: ")
    assert word in faults[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JISHI_ENV", "prod"),
        ("JISHI_PORT", "0"),
        ("JISHI_PORT", "65536"),
        ("JISHI_PORT", "８０００"),
        ("JISHI_WORKERS", "-1"),
        ("JISHI_QUOTE_SECONDS", "1.5"),
        ("JISHI_LOG_FORMAT", "xml"),
        ("WECHAT_API_URL", "ftp://127.0.0.1"),
    ],
)
def test_a_malformed_variable_is_refused_by_name_in_development_too(tmp_path, name, value):
    faults = faults_of({"JISHI_DATA_DIR": str(tmp_path), name: value})
    assert len(faults) == 1
    assert faults[0].startswith(f"{name}: ")


def test_keys_may_be_files_or_one_line(tmp_path):
    pem = private_pem(MERCHANT)
    path = tmp_path / "apiclient_key.pem"
    path.write_text(pem)
    by_file = Settings.read(production(tmp_path, WECHAT_PAY_PRIVATE_KEY=str(path)))
    by_line = Settings.read(production(tmp_path, WECHAT_PAY_PRIVATE_KEY=pem.replace("\n", "\\n")))
    assert by_file.merchant_private_key_pem == by_line.merchant_private_key_pem == pem


def test_no_secret_shows_in_the_repr_or_in_a_refusal(tmp_path):
    environ = production(tmp_path, DATABASE_URL="postgres://jishi:hunter2@db/jishi")
    shown = repr(Settings.read(environ))
    hidden = [
        "WECHAT_APP_SECRET",
        "WECHAT_PAY_API_V3_KEY",
        "JISHI_INDEX_KEY",
        "JISHI_METRICS_TOKEN",
    ]
    assert not [name for name in hidden if environ[name] in shown]
    assert "PRIVATE KEY" not in shown
    assert "hunter2" not in shown
    assert "sesame" not in str(faults_of(production(tmp_path, JISHI_INDEX_KEY="sesame")))


def test_a_child_reads_what_its_parent_resolved(tmp_path):
    settings = Settings.read({"JISHI_DATA_DIR": str(tmp_path), "JISHI_PORT": "8100"})
    assert Settings.read(settings.child_environment()) == settings


def test_the_sandbox_gets_the_other_half_of_every_secret(tmp_path):
    settings = Settings.read({"JISHI_DATA_DIR": str(tmp_path)})
    config = sandbox_config(settings)
    merchant = demo_secrets.read_private_key(settings.merchant_private_key_pem)
    platform = demo_secrets.read_private_key(config["platform_private_key_pem"])
    assert config["merchant_public_key_pem"] == demo_secrets.public_pem(merchant.public_key())
    assert settings.public_key_pem == demo_secrets.public_pem(platform.public_key())
    assert config["state_dir"] is None
    assert [template["id"] for template in config["templates"]] == [
        settings.template("order_paid"),
        settings.template("order_ready"),
        settings.template("order_refunded"),
    ]
