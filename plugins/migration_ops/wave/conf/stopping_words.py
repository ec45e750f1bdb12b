"""Programs, cmdlets and units that stop an operating system, the replication agent or the SSM agent, as tables."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from migration_ops.wave.conf.shell_words import Command


@dataclass(frozen=True)
class Wrapper:
    """A program that starts the rest of its line.

    :param with_value: options whose value is the next word.
    :param skip: words before the command that are no options.
    """

    with_value: frozenset[str] = frozenset()
    skip: int = 0


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


WRAPPERS = {
    "sudo": Wrapper(
        _words("-u -g -p -C -h -r -t -T -U -D -R --user --group --prompt --host --chdir --chroot --role --type")
    ),
    "doas": Wrapper(_words("-u -C")),
    "env": Wrapper(_words("-u -C --unset --chdir")),
    "nohup": Wrapper(),
    "setsid": Wrapper(),
    "exec": Wrapper(_words("-a")),
    "command": Wrapper(),
    "builtin": Wrapper(),
    "busybox": Wrapper(),
    "time": Wrapper(_words("-f -o")),
    "timeout": Wrapper(_words("-s -k --signal --kill-after"), skip=1),
    "nice": Wrapper(_words("-n --adjustment")),
    "ionice": Wrapper(_words("-c -n --class --classdata")),
    "stdbuf": Wrapper(_words("-i -o -e")),
    "chroot": Wrapper(_words("--userspec --groups"), skip=1),
    "nsenter": Wrapper(_words("-t --target")),
    "unshare": Wrapper(),
    "flock": Wrapper(_words("-w -E --timeout"), skip=1),
    "xargs": Wrapper(_words("-n -I -P -L -d -a -s -E")),
    "watch": Wrapper(_words("-n -d")),
    "systemd-run": Wrapper(_words("-u -p -t -E -M -H --unit --property --on-active --on-calendar --setenv")),
    "start": Wrapper(_words("/b /wait /min")),
    "start-process": Wrapper(_words("-Verb -WindowStyle -filepath")),
    "call": Wrapper(),
}
# Their argument, or what is piped into them, is a script.
READS_A_SCRIPT = _words(
    "sh bash dash zsh ksh ash su runuser script flock eval at batch powershell pwsh cmd invoke-expression iex "
    "invoke-command icm start-job"
)
# They stop what another command of the pipeline found.
ENDS_WHAT_IT_IS_GIVEN = _words("kill stop-service stop-process restart-service spsv spps taskkill .stop .kill .pause")

TEXTS = tuple(
    re.compile(one, re.IGNORECASE)
    for one in (
        r"win32_operatingsystem.*(win32shutdown|\.\s*(shutdown|reboot)\s*\(|-(method)?name\s+['\"]?(shutdown|reboot))",
        r"\bwmic(\.exe)?['\"]?\s+os\b.*\b(shutdown|reboot|win32shutdown)\b",
        r"exitwindowsex|initiatesystemshutdown",
        r"org\.freedesktop\.(login1|systemd1|consolekit).*\b(poweroff|reboot|halt|stop|restart|kexec)\b",
        r">+\s*['\"]?/proc/sysrq-trigger|\btee\b[^;|&]*/proc/sysrq-trigger",
    )
)

_ENDS_SYSTEM = _words(
    "poweroff halt reboot kexec killall5 stop-computer restart-computer psshutdown psshutdown64 pm-suspend "
    "pm-hibernate pm-suspend-hybrid tsshutdn"
)
_SYSTEMCTL_ENDS = _words(
    "poweroff reboot halt kexec soft-reboot suspend hibernate hybrid-sleep suspend-then-hibernate rescue emergency exit"
)
_ENDING_UNIT = re.compile(
    r"(systemd-)?(poweroff|reboot|halt|kexec|shutdown|rescue|emergency|suspend|hibernate|hybrid-sleep|sleep|"
    r"soft-reboot|runlevel[016]|ctrl-alt-del|final|umount)(\.target|\.service)?"
)
_START = _words("start isolate restart reload-or-restart try-restart default enable set-default")

_AGENT = re.compile(r"aws[-_. ]?replication|amazon[-_. ]?ssm[-_. ]?agent|ssm-agent-worker|ssm-document-worker", re.I)
# Names that a pattern (``amazon*``) is matched with.
_AGENT_NAMES = (
    "aws-replication-agent",
    "aws-replication-tailer",
    "aws-replication",
    "awsreplicationservice",
    "aws replication agent",
    "amazon-ssm-agent",
    "snap.amazon-ssm-agent.amazon-ssm-agent",
    "amazonssmagent",
    "amazon ssm agent",
)
_STOPS = _words(
    "stop restart try-restart condrestart reload-or-restart force-reload force-restart kill freeze disable mask off "
    "remove zap pause suspend delete down"
)
# Service managers: a verb and a name, in either order.
_MANAGERS = _words(
    "systemctl service invoke-rc.d rc-service initctl snap chkconfig update-rc.d rc-update sc net net1 sv supervisorctl"
)
# They stop, remove or restart whatever they are given.
_ENDERS = _words(
    "kill pkill killall skill taskkill stop restart stop-service restart-service suspend-service remove-service "
    "stop-process spsv spps rm rmdir unlink shred del erase rd remove-item ri"
)
_PACKAGERS = _words("apt apt-get aptitude yum dnf zypper rpm dpkg snap pacman msiexec wmic uninstall-package")
_REMOVES = _words(
    "remove purge erase uninstall autoremove rm call -e --erase -r -p --remove --purge /x /uninstall -rns"
)


def names_an_agent(word: str) -> bool:
    """Whether a word names one of the agents, also by a pattern."""
    if _AGENT.search(word):
        return True
    text = word.lower().removesuffix(".service").strip("'\"").removesuffix(".service")
    return bool(set(text) & set("*?[")) and any(fnmatchcase(one, text) for one in _AGENT_NAMES)


def stops_the_system(command: Command) -> bool:
    name, words = command.name, [one.lower() for one in command.arguments]
    if name in _ENDS_SYSTEM:
        return not set(words) & {"--help", "--version", "-?"}
    if name == "shutdown":
        return not set(words) & {"-c", "--help", "/a", "-a", "/?", "-?"}
    if name in ("init", "telinit"):
        return bool(set(words) & {"0", "1", "6", "s", "single"})
    if name == "systemctl":
        verbs = [one for one in words if not one.startswith("-")]
        is_ending = bool(set(verbs) & _START) and any(map(_ENDING_UNIT.fullmatch, verbs))
        return is_ending or _first_verb(words) in _SYSTEMCTL_ENDS
    if name == "loginctl":
        return bool(set(words) & _SYSTEMCTL_ENDS)
    return name == "rundll32" and any("shutdown" in one or "exitwindows" in one for one in words)


def stops_the_agent(command: Command) -> bool:
    name, words = command.name, [one.lower() for one in command.arguments]
    if "init.d/" in command.path.lower() and names_an_agent(command.path):
        return bool(set(words) & _STOPS)
    if not any(map(names_an_agent, command.arguments)):
        return False
    if name in _ENDERS:
        return True
    if name in _MANAGERS and (set(words) & _STOPS or {"start=disabled", "disabled"} & set(words)):
        return True
    if name == "set-service":
        return any(one in ("stopped", "disabled", "paused") for one in _without_colons(words))
    return name in _PACKAGERS and bool(set(words) & _REMOVES)


def _without_colons(words: Iterable[str]) -> list[str]:
    """``-Status:Stopped`` is ``-Status Stopped``."""
    return [part for one in words for part in one.split(":")]


def _first_verb(words: list[str]) -> str:
    """The verb of ``systemctl``: the first word that is neither an option nor the value of one."""
    takes_value = {"-h", "--host", "-m", "--machine", "-t", "--type", "-p", "--property", "-s", "-n", "-o", "--root"}
    rest = list(words)
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option in takes_value and rest:
            rest.pop(0)
    return rest[0] if rest else ""
