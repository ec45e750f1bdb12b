"""A launch setup is judged as a whole: what EC2 would refuse hours later is refused in the dry run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from migration_ops.aws.errors import AccessDeniedError
from migration_ops.core.verdict import GateResult, Verdict
from migration_ops.wave.rules.launch_setup import Account, LaunchSetup, judge_launch_setups
from tests.wave.builders import server_id

ONE, TWO = server_id(1), server_id(2)
OK, BLOCKED, UNKNOWN = Verdict.OK, Verdict.BLOCKED, Verdict.UNKNOWN
ZONE = "eu-central-1a"


def subnet(cidr: str = "10.99.1.0/24", vpc: str = "vpc-a", free: Any = 200, **more: Any) -> dict[str, Any]:
    return {
        "VpcId": vpc,
        "CidrBlock": cidr,
        "AvailabilityZone": ZONE,
        "AvailableIpAddressCount": free,
        "State": "available",
        **more,
    }


ACCOUNT = Account(
    subnets={
        "subnet-a": subnet(),
        "subnet-far": subnet("10.99.2.0/24", AvailabilityZone="eu-central-1b"),
        "subnet-b": subnet("10.1.0.0/24", "vpc-b"),
        "subnet-full": subnet("10.99.3.0/28", free=0),
        "subnet-one": subnet("10.99.4.0/28", free=1),
        "subnet-unsaid": subnet("10.99.5.0/28", free=None),
        "subnet-dark": AccessDeniedError("not authorized"),
        "subnet-gone": None,
    },
    groups={"sg-a": {"VpcId": "vpc-a"}, "sg-b": {"VpcId": "vpc-b"}, "sg-gone": None},
    interfaces={
        "eni-free": {"Status": "available", "SubnetId": "subnet-a"},
        "eni-used": {"Status": "in-use", "SubnetId": "subnet-a", "Attachment": {"InstanceId": "i-1"}},
        "eni-pending": {"Status": "pending", "SubnetId": "subnet-a"},
        "eni-gone": None,
        "eni-dark": AccessDeniedError("not authorized"),
    },
    profiles={"web": {"Arn": "…"}, "gone": None, "dark": AccessDeniedError("not authorized")},
    keys={"ops": {}, "lost": None},
    taken={"subnet-a/10.99.1.20": {"NetworkInterfaceId": "eni-x", "Attachment": {"InstanceId": "i-1"}}},
    offered=frozenset({f"t3.large/{ZONE}", "t3.large/eu-central-1b"}),
)


def setup(server: str = ONE, *interfaces: dict[str, Any], **more: Any) -> LaunchSetup:
    changes = {key: more.pop(key) for key in ("copied_ip", "replaced_instance", "names_type") if key in more}
    listed = list(interfaces) or [{"DeviceIndex": 0, "SubnetId": "subnet-a", "Groups": ["sg-a"]}]
    return LaunchSetup(server, "lt-1", {"InstanceType": "t3.large", "NetworkInterfaces": listed, **more}, **changes)


def on(name: str, **more: Any) -> dict[str, Any]:
    return {"DeviceIndex": 0, "SubnetId": name, **more}


def by(eni: str, **more: Any) -> dict[str, Any]:
    return {"DeviceIndex": 0, "NetworkInterfaceId": eni, **more}


def judged(*setups: LaunchSetup, account: Account = ACCOUNT) -> dict[Verdict, list[GateResult]]:
    results: dict[Verdict, list[GateResult]] = {OK: [], BLOCKED: [], UNKNOWN: []}
    for one in judge_launch_setups(list(setups), account):
        results[one.verdict].append(one)
    return results


GOOD = [
    setup(),
    setup(ONE, by("eni-free")),
    setup(ONE, by("eni-used"), replaced_instance="i-1"),
    setup(IamInstanceProfile={"Name": "web"}, KeyName="ops"),
    setup(IamInstanceProfile={"Arn": "arn:aws:iam::111122223333:instance-profile/path/web"}),
    setup(copied_ip="10.99.1.21"),
    setup(copied_ip="10.99.1.20", replaced_instance="i-1"),
    setup(ONE, on("subnet-one")),
    setup(ONE, on("subnet-full"), replaced_instance="i-1"),
    setup(InstanceType="x9.made-up", names_type=False),
    setup(Placement={"AvailabilityZone": ZONE}),
]


@pytest.mark.parametrize("one", GOOD)
def test_what_ec2_takes_is_ok(one: LaunchSetup) -> None:
    found = judged(one)
    assert (found[BLOCKED], found[UNKNOWN]) == ([], [])
    assert {result.name for result in found[OK]} >= {"launch template"}


REFUSED = [
    (setup(NetworkInterfaces=[]), "names no subnet"),
    (setup(ONE, on("subnet-a"), {"DeviceIndex": 1}), "names no subnet"),
    (setup(ONE, on("subnet-gone")), "does not exist"),
    (setup(ONE, on("subnet-a", Groups=["sg-gone"])), "does not exist"),
    (setup(ONE, on("subnet-a", Groups=["sg-a", "sg-b"])), "sg-b is of vpc-b"),
    (setup(SecurityGroupIds=["sg-a"]), "inside only"),
    (setup(SecurityGroups=["web"]), "inside only"),
    (setup(ONE, on("subnet-a"), {"DeviceIndex": 1, "SubnetId": "subnet-far"}), "not of one zone"),
    (setup(ONE, on("subnet-a"), {"DeviceIndex": 1, "SubnetId": "subnet-b"}), "not of one VPC"),
    (setup(Placement={"AvailabilityZone": "eu-central-1c"}), "not of one zone"),
    (setup(copied_ip="10.20.120.179"), "not in subnet-a"),
    (setup(ONE, on("subnet-a", PrivateIpAddress="10.99.2.5")), "not in subnet-a"),
    (setup(ONE, on("subnet-a", PrivateIpAddresses=[{"PrivateIpAddress": "10.99.2.5"}])), "not in subnet-a"),
    (setup(copied_ip="10.99.1.3"), "keeps for itself"),
    (setup(copied_ip="10.99.1.255"), "keeps for itself"),
    (setup(copied_ip="10.99.1.20"), "taken in subnet-a by i-1"),
    (setup(ONE, by("eni-used")), "in-use by i-1"),
    (setup(ONE, by("eni-used"), replaced_instance="i-2"), "in-use by i-1"),
    (setup(ONE, by("eni-pending")), "pending"),
    (setup(ONE, by("eni-gone")), "does not exist"),
    (setup(ONE, by("eni-free", Groups=["sg-a"])), "its own subnet"),
    (setup(ONE, by("eni-free", SubnetId="subnet-a")), "its own subnet"),
    (setup(ONE, by("eni-free"), copied_ip="10.99.1.21"), "copyPrivateIp"),
    (setup(ONE, on("subnet-full")), "0 free addresses"),
    (setup(ONE, on("subnet-one", SecondaryPrivateIpAddressCount=1)), "need 2"),
    (setup(IamInstanceProfile={"Name": "gone"}), "does not exist"),
    (setup(KeyName="lost"), "does not exist"),
    (setup(InstanceType="p9.made-up"), "not offered"),
]


@pytest.mark.parametrize(("one", "words"), REFUSED)
def test_what_ec2_refuses_is_blocked(one: LaunchSetup, words: str) -> None:
    found = judged(one)
    assert any(words in result.reason for result in found[BLOCKED]), found


UNCLEAR = [
    (setup(ONE, on("subnet-dark")), ACCOUNT),
    (setup(ONE, by("eni-dark")), ACCOUNT),
    (setup(ONE, on("subnet-unsaid")), ACCOUNT),
    (setup(IamInstanceProfile={"Name": "dark"}), ACCOUNT),
    (setup(copied_ip=""), ACCOUNT),
    (setup(copied_ip="10.99.1.21"), replace(ACCOUNT, taken=AccessDeniedError("no"))),
    (setup(), replace(ACCOUNT, offered=AccessDeniedError("no"))),
    (setup(), replace(ACCOUNT, groups={"sg-a": AccessDeniedError("no")})),
]


@pytest.mark.parametrize(("one", "account"), UNCLEAR)
def test_what_could_not_be_read_is_unknown(one: LaunchSetup, account: Account) -> None:
    found = judged(one, account=account)
    assert found[UNKNOWN]
    assert not found[BLOCKED]


def test_all_launches_of_the_wave_must_be_possible_together() -> None:
    found = judged(setup(ONE, on("subnet-one")), setup(TWO, on("subnet-one")))
    assert [(one.name, one.subject) for one in found[BLOCKED]] == [("subnet", "subnet-one")]
    found = judged(setup(ONE, by("eni-free")), setup(TWO, by("eni-free")))
    assert {one.subject for one in found[BLOCKED]} == {ONE, TWO}
    same = on("subnet-a", PrivateIpAddress="10.99.1.30")
    found = judged(setup(ONE, same), setup(TWO, same))
    assert {one.subject for one in found[BLOCKED]} == {ONE, TWO}
