"""Commands that would stop the operating system or an agent are refused; those that stop an application are not."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from migration_ops.wave.conf.commands import problem_of, stopping_commands

SYSTEM = [
    "shutdown",
    "shutdown -h now",
    "sudo shutdown -r +1 'see you'",
    "/usr/sbin/shutdown -P 0",
    "poweroff",
    "sudo -n -u root /sbin/poweroff -f",
    "halt -p",
    "systemctl stop app; reboot",
    "systemctl stop app && sudo reboot",
    "systemctl stop app || reboot -f",
    "systemctl stop app | reboot",
    "sleep 5 && (reboot)",
    "{ sync; reboot; }",
    "if systemctl stop app; then poweroff; fi",
    "for i in 1; do reboot; done",
    "! reboot",
    "init 0",
    "telinit 6",
    "/sbin/init 6",
    "systemctl poweroff",
    "systemctl --no-wall -i reboot",
    "systemctl -H root@db halt",
    "systemctl isolate reboot.target",
    "systemctl start poweroff.target --job-mode=replace",
    "systemctl kexec",
    "systemctl soft-reboot",
    "loginctl poweroff",
    "nohup reboot &",
    "nohup sh -c 'sleep 10; reboot' >/dev/null 2>&1 &",
    "sh -c reboot",
    "bash -lc 'systemctl stop app; init 0'",
    "sudo bash -c \"bash -c 'poweroff'\"",
    "su - root -c 'shutdown -h now'",
    "eval 'reboot'",
    "eval reboot",
    "env -i PATH=/sbin reboot",
    "FOO=bar reboot",
    "timeout -k 5 60 reboot",
    "nice -n 10 reboot",
    "echo 1 | xargs -n 1 shutdown -h",
    "echo reboot | sh",
    "echo 'shutdown -h now' | at now + 1 minute",
    "bash <<< reboot",
    "echo `reboot`",
    'echo "$(sudo reboot)"',
    "re''boot",
    '"reboot"',
    r"\reboot",
    "echo a#b; reboot",
    "echo b > /proc/sysrq-trigger",
    "echo o | sudo tee /proc/sysrq-trigger",
    "dbus-send --system --dest=org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager.PowerOff",
    "chroot /host reboot",
    "busybox poweroff -f",
    "systemd-run --on-active=30 systemctl reboot",
    "true\nreboot",
    "Stop-Computer",
    "stop-computer -Force",
    "Restart-Computer -Wait",
    "shutdown /s /t 0",
    "shutdown.exe /r",
    r"C:\Windows\System32\shutdown.exe /s /f",
    r"& 'C:\Windows\System32\shutdown.exe' -r -t 0",
    "cmd /c shutdown /s",
    'cmd.exe /C "net stop app & shutdown /p"',
    "powershell -NoProfile -Command Stop-Computer",
    'powershell.exe -Command "& { Stop-Service W3SVC; Restart-Computer }"',
    "powershell -EncodedCommand " + base64.b64encode("Stop-Computer -Force".encode("utf-16-le")).decode(),
    "Invoke-Expression 'Stop-Computer'",
    "Invoke-Command -ScriptBlock {Stop-Computer}",
    "Start-Process shutdown.exe -ArgumentList '/s'",
    "Start-Process -FilePath shutdown -ArgumentList '/r /t 0'",
    "(Get-WmiObject Win32_OperatingSystem).Win32Shutdown(6)",
    "Invoke-CimMethod -ClassName Win32_OperatingSystem -MethodName Shutdown",
    "wmic os where primary=1 call shutdown",
    "rundll32.exe user.exe,ExitWindowsEx 0",
    "echo 'unbalanced; reboot",
    "$null = Stop-Computer",
    "bash -c $'reboot'",
    'start "" shutdown /s',
    "at now <<< reboot",
    "echo '<<EOF'\nreboot",
    "bash <<EOF\nreboot\nEOF",
    "sqlplus / as sysdba <<EOF\nshutdown immediate\nEOF\nreboot",
]
AGENTS = [
    "systemctl stop aws-replication-agent",
    "sudo systemctl stop app aws-replication-agent.service",
    "systemctl restart amazon-ssm-agent",
    "systemctl kill -s KILL amazon-ssm-agent",
    "systemctl disable --now amazon-ssm-agent",
    "systemctl mask aws-replication-tailer",
    "systemctl stop 'aws-*'",
    "systemctl stop '*'",
    "systemctl stop snap.amazon-ssm-agent.amazon-ssm-agent.service",
    "service amazon-ssm-agent stop",
    "/etc/init.d/aws-replication-agent stop",
    "initctl stop amazon-ssm-agent",
    "stop amazon-ssm-agent",
    "snap stop amazon-ssm-agent",
    "sudo pkill -9 -f aws-replication",
    "killall amazon-ssm-agent",
    "kill -9 $(pidof amazon-ssm-agent)",
    "kill `pgrep -f aws-replication`",
    "ps aux | grep aws-replication | awk '{print $2}' | xargs kill -9",
    "yum -y remove aws-replication-agent",
    "apt-get purge -y amazon-ssm-agent",
    "rpm -e amazon-ssm-agent",
    "rm -rf /var/lib/aws-replication-agent",
    "bash -c 'service amazon-ssm-agent stop'",
    "Stop-Service AmazonSSMAgent",
    "Stop-Service -Name 'AmazonSSMAgent' -Force",
    "stop-service Amazon*",
    "Restart-Service AmazonSSMAgent",
    "Get-Service AmazonSSMAgent | Stop-Service",
    "Stop-Service -DisplayName 'Amazon SSM Agent'",
    "Set-Service -Name AmazonSSMAgent -Status Stopped",
    "Set-Service AwsReplicationService -StartupType:Disabled",
    "net stop AmazonSSMAgent",
    'net.exe stop "Amazon SSM Agent"',
    "sc.exe stop AmazonSSMAgent",
    "taskkill /F /IM amazon-ssm-agent.exe",
    "Stop-Process -Name amazon-ssm-agent",
    "systemctl stop \\\namazon-ssm-agent",
    "(Get-Service AmazonSSMAgent).Stop()",
]
FINE = [
    "systemctl stop app",
    "sudo systemctl stop postgresql@14-main.service",
    "systemctl restart app",
    "systemctl stop reboot-guard",
    "systemctl status reboot.target",
    "systemctl start amazon-ssm-agent",
    "systemctl is-active aws-replication-agent",
    "service app stop",
    "/opt/tomcat/bin/shutdown.sh",
    "${CATALINA_HOME}/bin/shutdown.sh -force",
    "su - app -c /opt/app/bin/shutdown.sh",
    "redis-cli shutdown nosave",
    "sudo rabbitmqctl shutdown",
    "mysqladmin -u root shutdown",
    "sudo -u oracle sqlplus / as sysdba @/opt/shutdown.sql",
    "echo 'shutdown immediate' | sqlplus / as sysdba",
    "echo shutdown",
    "sqlplus / as sysdba <<EOF\nshutdown immediate\nexit\nEOF",
    "sudo -u oracle sqlplus / as sysdba <<-'SQL'\nshutdown immediate;\nSQL\n",
    "su - oracle -c 'sqlplus / as sysdba' <<EOF\nshutdown immediate\nEOF",
    "mysql -e SHUTDOWN",
    "curl -X POST http://localhost:8080/actuator/shutdown",
    "logger -t migration 'reboot is not wanted'",
    "grep -q reboot /var/log/messages",
    "shutdown -c",
    "shutdown /a",
    "init q",
    "pkill -f billing",
    "kill -TERM $(cat /run/app.pid)",
    "ps aux | grep billing | awk '{print $2}' | xargs kill",
    "docker stop web && docker compose down",
    "docker exec app sh -c 'nginx -s quit'",
    "Stop-Service W3SVC",
    "Stop-Service -Name 'MSSQLSERVER' -Force; Get-Service AmazonSSMAgent",
    "Get-Service AmazonSSMAgent; Stop-Service W3SVC",
    "iisreset /stop",
    "net stop W3SVC",
    "Stop-Process -Name billing",
    "sc.exe query AmazonSSMAgent",
    "Set-Service -Name AmazonSSMAgent -StartupType Automatic",
    "# reboot; shutdown",
    "touch /run/reboot",
    "cat /tmp/x > /var/log/reboot",
    "rm -f /run/app.pid",
    "crontab -l > /tmp/cron; crontab -r",
    "lsnrctl stop",
    "mount -o remount,ro /data",
    "test -f /var/run/reboot-required || systemctl stop app",
    r"C:\app\bin\stop.bat",
    r"& 'C:\Program Files\App\appctl.exe' shutdown",
]


@pytest.mark.parametrize("line", SYSTEM)
def test_what_stops_the_system_is_refused(line: str) -> None:
    assert {one.code for one in stopping_commands({"quiesce": {"commands": [line]}})} == {"stops_the_system"}


@pytest.mark.parametrize("line", AGENTS)
def test_what_stops_an_agent_is_refused(line: str) -> None:
    assert {one.code for one in stopping_commands({"quiesce": {"commands": [line]}})} == {"stops_an_agent"}


@pytest.mark.parametrize("line", FINE)
def test_what_stops_an_application_is_not_refused(line: str) -> None:
    assert not list(stopping_commands({"quiesce": {"commands": [line]}}))


def test_each_list_of_commands_is_read_and_the_path_names_the_entry() -> None:
    quiesce = {
        "commands": ["systemctl stop app", "reboot"],
        "undoCommands": ["true", "true", "init 6"],
        "windowsCommands": ["Stop-Computer"],
        "windowsUndoCommands": ["Restart-Service AmazonSSMAgent"],
    }
    check = {"type": "ssm", "commands": ["uptime", "sudo reboot"]}
    document: dict[str, Any] = {"quiesce": quiesce, "applications": [{"checks": [{"type": "tcp", "port": 1}, check]}]}
    assert {one.path: one.code for one in stopping_commands(document)} == {
        "quiesce.commands[1]": "stops_the_system",
        "quiesce.undoCommands[2]": "stops_the_system",
        "quiesce.windowsCommands[0]": "stops_the_system",
        "quiesce.windowsUndoCommands[0]": "stops_an_agent",
        "applications[0].checks[1].commands[1]": "stops_the_system",
    }


def test_a_line_that_goes_on_in_the_next_entry_is_one() -> None:
    found = stopping_commands({"quiesce": {"commands": ["true", "systemctl stop \\", "amazon-ssm-agent"]}})
    assert [(one.path, one.code) for one in found] == [("quiesce.commands[1]", "stops_an_agent")]


@pytest.mark.parametrize(
    "line", ["(" * 500 + "reboot", "'", '"$(', "sh -c " * 40 + "true", "\\", "`", ";;;&&|||", "$("]
)
def test_what_cannot_be_parsed_is_no_error(line: str) -> None:
    assert problem_of(line) in (None, "stops_the_system")


@pytest.mark.parametrize("quiesce", [None, [], {"commands": "reboot"}, {"commands": [1, None]}, {"commands": {}}])
def test_what_is_of_another_type_is_left_to_the_model(quiesce: Any) -> None:
    assert not list(stopping_commands({"quiesce": quiesce, "applications": [None, {"checks": [7]}]}))
