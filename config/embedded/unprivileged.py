"""Who the embedded servers run as, where they may live, and how they are started.

PostgreSQL refuses to run as root. A root launcher therefore starts its servers as another user, and that user
must be able to walk to the program and to the data. Permissions of directories we did not make stay as they are.
"""

import ctypes
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

# For a root launcher whose checkout nobody else may enter (/root is 0700 on Debian).
REFUGE = Path("/var/lib/jishi")

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


@dataclass(frozen=True, slots=True)
class Account:
    """The user a root launcher steps down to."""

    uid: int
    gid: int


def service_account(data_dir: Path) -> Account | None:
    """None when we are an ordinary user: our own. For root, the owner of `data_dir`, or `nobody`."""
    if os.geteuid() != 0:
        return None
    status = data_dir.stat()
    if status.st_uid != 0:
        return Account(status.st_uid, status.st_gid)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:  # images without /etc/passwd
        return Account(65534, 65534)
    return Account(nobody.pw_uid, nobody.pw_gid)


def can_reach(account: Account | None, path: Path) -> bool:
    """Whether `account` may walk to `path` and use it. Asked of the system, which also knows ACLs."""
    test = ["/bin/sh", "-c", 'test -x "$1"', "sh", str(path)]
    done = subprocess.run(test, check=False, cwd="/", **_as_user(account))  # noqa: S603  (our own words)
    return done.returncode == 0


def own(directory: Path, account: Account | None) -> None:
    """Make `directory` exist, 0700, with everything in it belonging to `account`."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    if account is None or directory.stat().st_uid == account.uid:
        return
    os.chown(directory, account.uid, account.gid)
    for parent, folders, files in os.walk(directory):
        for name in folders + files:
            os.chown(Path(parent, name), account.uid, account.gid, follow_symlinks=False)


def reachable_home(home: Path, account: Account | None) -> Path:
    """`home`, made and owned; when `account` cannot walk there, a directory in REFUGE that `home` links to."""
    if home.is_symlink():
        home = home.resolve()
    elif account is not None and not can_reach(account, home.parent):
        REFUGE.mkdir(mode=0o755, parents=True, exist_ok=True)
        place = Path(tempfile.mkdtemp(prefix=f"{home.name}-", dir=REFUGE))
        home.symlink_to(place)
        home = place
    own(home, account)
    return home


def reachable_tree(tree: Path, program: str, account: Account | None) -> Path:
    """The path of `program` in `tree`, or in a copy of the tree in REFUGE when `account` cannot use it there.

    The name of the copy carries the date of the original, so a newly installed version is copied anew.
    """
    if can_reach(account, tree / program):
        return tree / program
    copy = REFUGE / f"{tree.name}-{tree.stat().st_mtime_ns:x}"
    if not copy.is_dir():
        REFUGE.mkdir(mode=0o755, parents=True, exist_ok=True)
        torn = Path(tempfile.mkdtemp(prefix="copying-", dir=REFUGE))
        shutil.copytree(tree, torn, symlinks=True, dirs_exist_ok=True)
        _open_for_all(torn)
        torn.rename(copy)
    return copy / program


def _open_for_all(copy: Path) -> None:
    for path in (copy, *copy.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (0o555 if mode & stat.S_IXUSR else 0o444))


def spawn(
    command: Sequence[str | Path],
    *,
    home: Path,
    account: Account | None,
    log: Path,
    farewell: signal.Signals,
) -> subprocess.Popen[bytes]:
    """Start `command` in `home` as `account`, its words going to `log`, its stdin a pipe.

    When we die, however suddenly, it gets `farewell`. Linux ties that to the calling *thread*: call this from one
    that lives as long as the program. A session of its own keeps Ctrl-C in a terminal from reaching it before us.
    """
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603  (our own words)
            [str(word) for word in command],
            cwd=home,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent(farewell),  # noqa: PLW1509  (it only makes system calls)
            env=_ENVIRONMENT,
            **_as_user(account),
        )


def feed(pipe: IO[bytes] | None, text: str) -> None:
    """Write `text` to a child's stdin and close it; a child already gone is reported by its exit, not here."""
    if pipe is None:
        return
    try:
        pipe.write(text.encode())
        pipe.close()
    except BrokenPipeError:
        pass


# Nothing of ours leaks into the servers: PGPORT, LD_PRELOAD or a Chinese locale would change how they behave.
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _as_user(account: Account | None) -> dict[str, Any]:
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def _die_with_parent(farewell: signal.Signals) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, int(farewell), 0, 0, 0)
        if os.getppid() != parent:  # it died between fork and prctl: nobody would tell us
            os._exit(1)

    return tie
