"""Files from a hub, over loopback: whatever the other side does, a file is whole and right, or it is not there."""

from __future__ import annotations

import hashlib
import socket
import ssl
import threading
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from types import SimpleNamespace
from urllib.error import URLError

import pytest

from graphflow.core.errors import UserError
from graphflow.models.hub import Hub, Remote, Statistics, part_of
from graphflow.models.hub_connection import Connection
from tests.models.fake_hub import COMMIT, REPOSITORY, FakeHub, Fault

LARGE, SMALL = "checkpoints/mrt2_small.safetensors", "resources/spm.model"
WEIGHTS, WORDS = bytes(range(256)) * 8, b"a few words\n"
TOKEN = "hf_secret"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_ENDPOINT", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def fake() -> Iterator[FakeHub]:
    fake = FakeHub()
    fake.files = {LARGE: (WEIGHTS, True), SMALL: (WORDS, False)}
    yield fake
    fake.close()


class Patience:
    """A hub's client, what it said, and how long it would have waited."""

    def __init__(self, endpoint: str, token: str = "", seconds: float = 10.0) -> None:
        self.lines: list[str] = []
        self.waits: list[float] = []
        self.hub = Hub(Connection(endpoint, token, seconds), self.lines.append, self.waits.append)

    def fetch(self, target: Path, path: str = LARGE) -> None:
        self.hub.fetch(self.hub.look(REPOSITORY, path), target)


@pytest.fixture
def client(fake: FakeHub) -> Patience:
    return Patience(fake.endpoint)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "made" / "weights.safetensors"


def alone(target: Path) -> bool:
    """Whether nothing lies beside the file."""
    return [path.name for path in target.parent.iterdir()] == [target.name]


def parts(target: Path) -> list[bytes]:
    return [path.read_bytes() for path in target.parent.glob("*.part")]


# --- what the hub says ---------------------------------------------------------------------------------------------


def test_a_large_file_is_described_by_the_redirect_and_not_by_where_it_leads(fake: FakeHub, client: Patience) -> None:
    checksum = hashlib.sha256(WEIGHTS).hexdigest()
    assert client.hub.look(REPOSITORY, LARGE) == Remote(REPOSITORY, LARGE, COMMIT, len(WEIGHTS), checksum)
    assert fake.said() == [f"hub HEAD {LARGE}"]


@pytest.mark.parametrize("relative", [False, True])
def test_a_small_file_is_described_by_gits_checksum(fake: FakeHub, client: Patience, relative: bool) -> None:
    fake.relative = relative
    git = hashlib.sha1(b"blob 12\0" + WORDS).hexdigest()
    assert client.hub.look(REPOSITORY, SMALL) == Remote(REPOSITORY, SMALL, COMMIT, 12, git)


def test_a_mirror_may_send_on_to_another_hub(fake: FakeHub) -> None:
    mirror = FakeHub()
    mirror.faults = [
        Fault("hub", method, status=308, headers={"Location": f"{fake.endpoint}/{REPOSITORY}/resolve/main/{LARGE}"})
        for method in ("HEAD", "GET")
    ]
    client = Patience(mirror.endpoint, TOKEN)
    assert client.hub.look(REPOSITORY, LARGE).size == len(WEIGHTS)
    mirror.close()
    assert [asked.token for asked in mirror.asked + fake.asked] == [f"Bearer {TOKEN}", ""]


def test_the_storages_own_etag_is_no_checksum(fake: FakeHub, client: Patience) -> None:
    moved = {"Location": f"{fake.storage}/stored/{LARGE}", "X-Repo-Commit": COMMIT}
    fake.faults = [Fault("hub", "HEAD", status=302, headers=moved)]
    with pytest.raises(UserError) as refused:
        client.hub.look(REPOSITORY, LARGE)
    assert str(refused.value) == (
        f"{LARGE}: {fake.other_host} tells no size and checksum as a Hugging Face hub does; is the endpoint right?"
    )


# --- fetching ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path, content", [(LARGE, WEIGHTS), (SMALL, WORDS)])
@pytest.mark.parametrize("relative", [False, True])
def test_a_file_comes_whole_and_alone(
    fake: FakeHub, client: Patience, target: Path, path: str, content: bytes, relative: bool
) -> None:
    fake.relative = relative
    seen: list[int] = []
    checked: list[int] = []
    client.hub.fetch(client.hub.look(REPOSITORY, path), target, seen.append, checked.append)
    assert target.read_bytes() == content
    assert alone(target)
    assert (seen[-1], checked[-1]) == (len(content), len(content))
    assert client.hub.statistics() == Statistics(files=1, received=len(content), resumed=0, losses=0)
    assert client.lines == []


def test_all_bytes_are_of_the_commit_that_was_described(fake: FakeHub, client: Patience, target: Path) -> None:
    remote = client.hub.look(REPOSITORY, LARGE)
    older = Remote(REPOSITORY, LARGE, "0" * 40, remote.size, remote.checksum)
    with pytest.raises(UserError, match="no such repository"):  # the fake knows `main` and one commit only
        client.hub.fetch(older, target)
    assert fake.asked[-1].path == f"/{REPOSITORY}/resolve/{older.commit}/{LARGE}"


def test_the_token_is_shown_to_the_hub_alone(fake: FakeHub, target: Path) -> None:
    fake.relative = True
    client = Patience(fake.endpoint, TOKEN)
    client.fetch(target)
    client.fetch(target.with_name("spm.model"), SMALL)
    assert {(asked.where, asked.token) for asked in fake.asked} == {("hub", f"Bearer {TOKEN}"), ("storage", "")}


def test_the_environment_names_hub_and_token(fake: FakeHub, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", fake.endpoint + "/")
    monkeypatch.setenv("HF_TOKEN", TOKEN + "\n")
    hub = Hub(Connection())
    hub.fetch(hub.look(REPOSITORY, SMALL), target)
    assert fake.asked[0].token == f"Bearer {TOKEN}"


def test_a_broken_connection_goes_on_where_it_broke(fake: FakeHub, client: Patience, target: Path) -> None:
    fake.faults = [Fault(cut=1000), Fault(cut=500)]
    client.fetch(target)
    assert target.read_bytes() == WEIGHTS
    assert [asked.range for asked in fake.asked if asked.where == "storage"] == ["", "bytes=1000-", "bytes=1500-"]
    assert client.lines == [
        f"{fake.other_host} closed the connection after 1000 of 2048 bytes; again in 1 s",
        f"{fake.other_host} closed the connection after 1500 of 2048 bytes; again in 1 s",
    ]
    assert client.waits == [1.0, 1.0]
    assert client.hub.statistics() == Statistics(files=1, received=2048, resumed=0, losses=2)


def test_a_later_command_goes_on_from_the_part(fake: FakeHub, client: Patience, target: Path) -> None:
    remote = client.hub.look(REPOSITORY, LARGE)
    target.parent.mkdir()
    part_of(remote, target).write_bytes(WEIGHTS[:700])
    (target.parent / f"{target.name}.0123456789ab.part").write_bytes(b"of an older version")
    client.hub.fetch(remote, target)
    assert target.read_bytes() == WEIGHTS
    assert alone(target)
    assert fake.said()[-1] == f"storage GET {LARGE} bytes=700-"
    assert client.hub.statistics() == Statistics(files=1, received=1348, resumed=700, losses=0)


@pytest.mark.parametrize("kept", [WEIGHTS, WEIGHTS + b"too long"])
def test_a_part_that_is_whole_or_too_long(fake: FakeHub, client: Patience, target: Path, kept: bytes) -> None:
    remote = client.hub.look(REPOSITORY, LARGE)
    target.parent.mkdir()
    part_of(remote, target).write_bytes(kept)
    client.hub.fetch(remote, target)
    assert target.read_bytes() == WEIGHTS
    assert len(fake.asked) == (1 if kept == WEIGHTS else 3)


@pytest.mark.parametrize(
    "fault, line",
    [
        (Fault(deaf=True), "{storage} cannot go on where it was interrupted, so {path} begins anew"),
        (Fault(status=416), "{storage} cannot go on at byte 700, so {path} begins anew; again in 1 s"),
        (Fault(shift=-100), "{storage} cannot go on at byte 700, so {path} begins anew; again in 1 s"),
    ],
)
def test_a_server_that_cannot_go_on_begins_anew(
    fake: FakeHub, client: Patience, target: Path, fault: Fault, line: str
) -> None:
    remote = client.hub.look(REPOSITORY, LARGE)
    target.parent.mkdir()
    part_of(remote, target).write_bytes(WEIGHTS[:700])
    fake.faults = [Fault(**vars(fault))]
    client.hub.fetch(remote, target)
    assert target.read_bytes() == WEIGHTS
    assert client.lines == [line.format(storage=fake.other_host, path=LARGE)]


def test_a_server_that_always_breaks_at_the_same_place_is_given_up(
    fake: FakeHub, client: Patience, target: Path
) -> None:
    fake.faults = [Fault(times=-1, cut=1000, deaf=True)]
    with pytest.raises(UserError) as refused:
        client.fetch(target)
    # the first loss came after a thousand bytes, which earns new patience; the others bring it no further
    assert client.waits == [1.0, 2.0, 4.0, 8.0]
    assert str(refused.value) == (
        f"{LARGE}: {fake.other_host} closed the connection after 1000 of 2048 bytes; "
        "given up after 5 tries, try again later"
    )
    assert parts(target) == [WEIGHTS[:1000]]
    fake.faults = []
    client.fetch(target)
    assert target.read_bytes() == WEIGHTS


def test_interrupted_by_hand_it_keeps_what_came(fake: FakeHub, client: Patience, target: Path) -> None:
    def by_hand(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.hub.fetch(client.hub.look(REPOSITORY, LARGE), target, by_hand)
    (kept,) = parts(target)
    assert kept
    assert WEIGHTS.startswith(kept)
    client.fetch(target)
    assert target.read_bytes() == WEIGHTS
    assert client.hub.statistics().resumed == len(kept)


@pytest.mark.parametrize("path", [LARGE, SMALL])
def test_wrong_bytes_are_deleted(fake: FakeHub, client: Patience, target: Path, path: str) -> None:
    where = "storage" if path == LARGE else "hub"
    fake.faults = [Fault(where, alter=lambda content: content[:-1] + b"?")]
    with pytest.raises(UserError) as refused:
        client.fetch(target, path)
    assert str(refused.value) == (
        f"{path} came with another checksum than {fake.host} promised and was deleted; fetch it again"
    )
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("alter, offered", [(lambda content: content[:-1], 2047), (lambda content: content * 2, 4096)])
def test_another_size_than_promised_is_refused(
    fake: FakeHub, client: Patience, target: Path, alter: object, offered: int
) -> None:
    fake.faults = [Fault(alter=alter)]  # type: ignore[arg-type]
    with pytest.raises(UserError) as refused:
        client.fetch(target)
    assert str(refused.value) == (
        f"{LARGE}: {fake.other_host} offers {offered} bytes, {fake.host} said 2048; try again later"
    )
    assert not target.exists()


def test_an_older_file_is_replaced_only_by_a_whole_one(fake: FakeHub, client: Patience, target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(b"older")
    fake.faults = [Fault(times=-1, status=404)]
    with pytest.raises(UserError):
        client.fetch(target)
    assert target.read_bytes() == b"older"
    fake.faults = []
    client.fetch(target)
    assert target.read_bytes() == WEIGHTS


def test_two_do_not_fetch_the_same_file(fake: FakeHub, client: Patience, target: Path) -> None:
    said: list[str] = []

    def meanwhile(done: int) -> None:
        with pytest.raises(UserError) as refused:
            Patience(fake.endpoint).fetch(target)
        said.append(str(refused.value))

    client.hub.fetch(client.hub.look(REPOSITORY, LARGE), target, meanwhile)
    assert set(said) == {f"{target}: another graphflow is fetching it; wait for that one"}
    assert target.read_bytes() == WEIGHTS


def test_a_folder_that_cannot_be_made_is_told(client: Patience, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    target = tmp_path / "file" / "made" / "weights"
    with pytest.raises(UserError) as refused:
        client.fetch(target)
    assert str(refused.value) == (
        f"{target}: it cannot be written (Not a directory); set GRAPHFLOW_HOME to a folder you can write"
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
def test_a_full_disk_is_told(client: Patience, target: Path) -> None:
    remote = client.hub.look(REPOSITORY, LARGE)
    target.parent.mkdir()
    part_of(remote, target).symlink_to("/dev/full")
    with pytest.raises(UserError) as refused:
        client.hub.fetch(remote, target)
    assert str(refused.value) == (
        f"{target}: it cannot be written (No space left on device); make room, then fetch it again"
    )


# --- refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "status, code, token, line",
    [
        (
            401,
            "",
            "",
            "wants to know who asks (401), and HF_TOKEN is not set; set it to a token from the hub's settings",
        ),
        (
            401,
            "",
            TOKEN,
            "does not know the token in HF_TOKEN (401); set it to a token from the hub's settings, or unset it",
        ),
        (401, "RepoNotFound", "", "has no such repository, or not for you (401); is the endpoint right?"),
        (403, "", TOKEN, "refuses it (403); see whether its page asks for something"),
        (
            403,
            "GatedRepo",
            TOKEN,
            "gives it only to those who accepted its terms (403); "
            "accept its terms at {endpoint} and set HF_TOKEN to a token of yours",
        ),
        (404, "EntryNotFound", "", "has no such file (404); is the endpoint right?"),
        (404, "RevisionNotFound", "", "has no such revision, or not for you (404); is the endpoint right?"),
        (410, "", "", "answers 410 Gone; is the endpoint right?"),
        (416, "", "", "answers 416 Requested Range Not Satisfiable; is the endpoint right?"),
    ],
)
@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_refusal_is_one_line_and_not_tried_again(
    fake: FakeHub, target: Path, method: str, status: int, code: str, token: str, line: str
) -> None:
    fake.faults = [Fault("hub", method, status=status, headers={"X-Error-Code": code})]
    client = Patience(fake.endpoint, token)
    with pytest.raises(UserError) as refused:
        client.fetch(target)
    assert str(refused.value) == f"{LARGE}: {fake.host} {line.format(endpoint=fake.endpoint)}"
    assert TOKEN not in str(refused.value)
    assert client.waits == []


@pytest.mark.parametrize("status, words", [(500, "Internal Server Error"), (503, "Service Unavailable")])
def test_a_busy_server_is_asked_again(fake: FakeHub, client: Patience, target: Path, status: int, words: str) -> None:
    fake.faults = [Fault("hub", "HEAD", status=status), Fault("hub", "GET", times=2, status=status)]
    client.fetch(target)
    assert target.read_bytes() == WEIGHTS
    busy = f"{fake.host} answers {status} {words}"
    assert client.lines == [f"{busy}; again in 1 s", f"{busy}; again in 1 s", f"{busy}; again in 2 s"]


def test_a_server_that_stays_busy_is_given_up(fake: FakeHub, client: Patience) -> None:
    fake.faults = [Fault("hub", "HEAD", times=-1, status=502)]
    with pytest.raises(UserError) as refused:
        client.hub.look(REPOSITORY, LARGE)
    assert str(refused.value) == (
        f"{LARGE}: {fake.host} answers 502 Bad Gateway; given up after 3 tries, try again later"
    )
    assert client.waits == [1.0, 2.0]


@pytest.mark.parametrize("asks, waits", [("7", 7.0), ("86400", 60.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 1.0)])
def test_a_server_may_say_how_long_to_wait(fake: FakeHub, client: Patience, asks: str, waits: float) -> None:
    fake.faults = [Fault("hub", "HEAD", status=429, headers={"Retry-After": asks})]
    client.hub.look(REPOSITORY, LARGE)
    assert client.waits == [waits]


def test_a_signature_that_ran_out_is_asked_for_anew(fake: FakeHub, client: Patience, target: Path) -> None:
    fake.faults = [Fault(status=403)]
    client.fetch(target)
    assert target.read_bytes() == WEIGHTS
    assert client.lines == [f"{fake.other_host} answers 403 Forbidden; again in 1 s"]


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        host = f"127.0.0.1:{taken.getsockname()[1]}"
    client = Patience(f"http://{host}")
    with pytest.raises(UserError) as refused:
        client.hub.look(REPOSITORY, LARGE)
    assert str(refused.value) == (f"{LARGE}: {host} refuses the connection; given up after 3 tries, try again later")


def test_a_server_that_is_silent(fake: FakeHub) -> None:
    answer = threading.Event()
    fake.arrived = lambda asked: answer.wait(10.0) and None
    client = Patience(fake.endpoint, seconds=0.05)
    with pytest.raises(UserError) as refused:
        client.hub.look(REPOSITORY, LARGE)
    answer.set()
    assert str(refused.value) == f"{LARGE}: {fake.host} is silent; given up after 3 tries, try again later"


def test_a_server_that_falls_silent_within_the_file(fake: FakeHub, target: Path) -> None:
    client = Patience(fake.endpoint, seconds=0.2)
    fake.faults = [Fault(cut=600, hold=threading.Event())]
    hold = fake.faults[0].hold
    client.fetch(target)
    assert hold
    hold.set()
    assert target.read_bytes() == WEIGHTS
    assert client.lines == [f"{fake.other_host} is silent; again in 1 s"]


@pytest.mark.parametrize(
    "where", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://a@127.0.0.1/x", "http://[::1", "http://127.0.0.1/\xe9"]
)
def test_a_redirect_out_of_the_web_is_not_followed(fake: FakeHub, client: Patience, where: str) -> None:
    fake.faults = [Fault("hub", "HEAD", status=302, headers={"Location": where})]
    with pytest.raises(UserError) as refused:
        client.hub.look(REPOSITORY, LARGE)
    assert str(refused.value) == f"{fake.host} redirects to an unsafe address; nothing was fetched from there"


def test_redirects_in_a_circle_end(fake: FakeHub, client: Patience) -> None:
    circle = {"Location": f"/{REPOSITORY}/resolve/main/{LARGE}"}
    fake.faults = [Fault("hub", "HEAD", times=-1, status=302, headers=circle)]
    with pytest.raises(UserError) as refused:
        client.hub.look(REPOSITORY, LARGE)
    assert str(refused.value) == f"{fake.host} redirects more than 6 times; is the endpoint right?"


@pytest.mark.parametrize(
    "endpoint", ["huggingface.co", "ftp://hub", "https://", "https://me:word@hub", "http://h:99999", "http://h/\xe9"]
)
def test_an_endpoint_must_be_an_address(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError) as refused:
        Connection(endpoint)
    assert str(refused.value) == (
        f"--endpoint is '{endpoint.rstrip('/')}'; expected an address like https://huggingface.co"
    )
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    with pytest.raises(UserError, match="HF_ENDPOINT is"):
        Connection()


def test_a_token_that_cannot_be_one_is_not_sent() -> None:
    with pytest.raises(UserError) as refused:
        Connection(token="hf_\u00fc")
    assert str(refused.value) == "HF_TOKEN holds characters that no token has; copy it again from the hub's settings"


# --- what loopback cannot show: other names and certificates ---------------------------------------------------------


def test_a_redirect_from_https_to_http_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    headers = Message()
    headers["Location"] = "http://hub.example/elsewhere"
    answer = SimpleNamespace(status=302, headers=headers, close=lambda: None)
    connection = Connection("https://hub.example", TOKEN)
    monkeypatch.setattr(connection, "_open", lambda method, url, headers: answer)
    with pytest.raises(UserError) as refused:
        connection.ask("GET", "https://hub.example/x")
    assert str(refused.value) == "hub.example redirects to an unsafe address; nothing was fetched from there"


def untrusted() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate"
    return error


@pytest.mark.parametrize(
    "reason, line",
    [
        (
            untrusted(),
            "hub.example shows a certificate that is not trusted (self-signed certificate); "
            "if it is right, name it in SSL_CERT_FILE",
        ),
        (
            socket.gaierror(-2, "Name or service not known"),
            f"{LARGE}: hub.example cannot be reached (Name or service not known); "
            "given up after 3 tries, try again later",
        ),
        (
            OSError("Tunnel connection failed: 407 Proxy Authentication Required"),
            f"{LARGE}: hub.example cannot be reached (Tunnel connection failed: 407 Proxy Authentication Required); "
            "given up after 3 tries, try again later",
        ),
    ],
)
def test_what_keeps_a_hub_from_being_reached_is_one_line(
    reason: OSError, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*arguments: object, **options: object) -> None:
        raise URLError(reason)

    client = Patience("https://hub.example")
    monkeypatch.setattr(client.hub.connection, "_opener", SimpleNamespace(open=fails))
    with pytest.raises(UserError) as refused:
        client.hub.look(REPOSITORY, LARGE)
    assert str(refused.value) == line
