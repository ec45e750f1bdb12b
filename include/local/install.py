"""Creates the virtual environment and installs the lock files into it. Standard library only: nothing is installed yet.

``python include/local/install.py VENV LOCK [LOCK…]``. The locks are complete, so nothing has to be resolved. ``uv``
installs them in seconds; if uv does not work (no binary for the platform, an index that it does not understand), pip
installs them with ``--no-deps``. Both accept only files whose hash is in the lock; that is also true for uv itself.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

UV_LOCK = Path(__file__).resolve().parents[2] / "requirements-uv.txt"
OLDEST, NEWEST = (3, 11), (3, 13)


def say(text: str) -> None:
    """Prints one line of progress."""
    print(f"[install] {text}", flush=True)


def check_python() -> None:
    """Refuses a Python version for which the locks were not made.

    :raises SystemExit: the message says which Python to use.
    """
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        found = ".".join(map(str, sys.version_info[:2]))
        wanted = "Python 3.11, 3.12 or 3.13 is needed"
        raise SystemExit(f"[install] {wanted}, {sys.executable} is {found}: make PYTHON=python3.12 …")


def venv_python(venv: Path) -> Path:
    """The interpreter inside the virtual environment."""
    return venv / "bin" / "python"


def venv_version(venv: Path) -> tuple[int, int] | None:
    """Major and minor version of an existing virtual environment; None when it is absent or broken."""
    try:
        answer = subprocess.run(  # noqa: S603
            [venv_python(venv), "-c", "import sys; print(*sys.version_info[:2])"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    major, minor = answer.stdout.split()
    return int(major), int(minor)


def make_venv(venv: Path) -> None:
    """Creates a virtual environment of this Python version; one of another version, or a broken one, is replaced.

    :raises SystemExit: the path exists and is no virtual environment, or this Python has no venv module (on Debian it
        is a separate package).
    """
    if venv_version(venv) == sys.version_info[:2]:
        return
    if venv.exists():
        if not (venv / "pyvenv.cfg").exists():
            raise SystemExit(f"[install] {venv} exists and is no virtual environment; move it away first")
        say(f"replacing {venv}: it is of another Python, or broken")
        shutil.rmtree(venv)
    say(f"making {venv} with Python {'.'.join(map(str, sys.version_info[:3]))}")
    if subprocess.run([sys.executable, "-m", "venv", str(venv)], check=False).returncode:  # noqa: S603
        shutil.rmtree(venv, ignore_errors=True)
        raise SystemExit("[install] this Python has no venv; on Debian: apt-get install python3-venv")


def pip_setting(python: Path, key: str) -> list[str]:
    """Values of one pip setting (from files and ``PIP_*`` variables): uv does not read them."""
    for place in (f":env:.{key}", f"global.{key}", f"install.{key}"):
        answer = subprocess.run(  # noqa: S603
            [python, "-m", "pip", "config", "get", place], capture_output=True, text=True, check=False
        )
        if answer.returncode == 0 and answer.stdout.split():
            return answer.stdout.split()
    return []


def uv_arguments(python: Path) -> list[str]:
    """The pip settings about package sources, as arguments of uv."""
    arguments: list[str] = []
    for key, option in (("index-url", "--index-url"), ("extra-index-url", "--extra-index-url")):
        for value in pip_setting(python, key):
            arguments += [option, value]
    if "--extra-index-url" in arguments:
        # uv takes a package from the first index that has any version of it, so an extra index with another version
        # hides the pinned one. This option is pip's behaviour; the hashes prevent that an index delivers other files.
        arguments += ["--index-strategy", "unsafe-best-match"]
    for value in pip_setting(python, "find-links"):
        arguments += ["--find-links", value]
    return arguments


def uv_environment(python: Path) -> dict[str, str]:
    """This process's environment, plus the certificate bundle that pip was told to trust."""
    environment = dict(os.environ)
    certificates = pip_setting(python, "cert")
    if certificates:
        environment.setdefault("SSL_CERT_FILE", certificates[0])
    environment.setdefault("UV_HTTP_TIMEOUT", "180")
    return environment


def install_with_uv(python: Path, locks: list[str]) -> bool:
    """Whether uv could be installed and installed everything."""
    uv = python.with_name("uv")
    if (
        not uv.exists()
        and subprocess.run(  # noqa: S603
            [python, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "-r", UV_LOCK], check=False
        ).returncode
    ):
        return False
    requirements = [part for lock in locks for part in ("-r", lock)]
    command = [str(uv), "pip", "install", "--quiet", "--python", str(python), "--no-deps", "--require-hashes"]
    command += [*uv_arguments(python), *requirements]
    return subprocess.run(command, check=False, env=uv_environment(python)).returncode == 0  # noqa: S603


def install_with_pip(python: Path, locks: list[str]) -> bool:
    """Whether plain pip installed everything."""
    requirements = [part for lock in locks for part in ("-r", lock)]
    command = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", *requirements]
    return subprocess.run(command, check=False).returncode == 0  # noqa: S603


def main(arguments: list[str]) -> None:
    """Creates or completes the environment.

    :raises SystemExit: it failed; the reason was printed before.
    """
    check_python()
    venv, locks = Path(arguments[0]), arguments[1:]
    started = time.monotonic()
    make_venv(venv)
    python = venv_python(venv)
    say(f"installing {' and '.join(locks)}")
    if not install_with_uv(python, locks):
        say("uv could not install the locks; trying plain pip, which takes a few minutes")
        if not install_with_pip(python, locks):
            raise SystemExit("[install] the packages could not be installed; the error is above")
    say(f"ready after {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
