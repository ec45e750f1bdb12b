"""What goes wrong outside: replication that stops, old snapshots, lost answers, a dead worker, a CMDB that is down."""

from __future__ import annotations

import contextlib
import time
from types import SimpleNamespace

import psutil

from include.local import processes
from tests.scenarios.airflow_api import Document, Run
from tests.scenarios.lab import Lab, servers_of
from tests.scenarios.stories import story


@story
def stalled(lab: Lab) -> SimpleNamespace:
    """One server stalls before the wave, another one while the wave waits for it."""
    before = lab.seed({"appName": "stalled-a", "servers": [{"replicationState": "STALLED"}]})
    early = lab.wave("stalled-early", before)
    later = lab.seed({"appName": "stalled-b", "servers": 1})
    lab.sandbox.add_fault("lag", serverIds=servers_of(later), seconds=5_000)
    late = lab.wave("stalled-late", later, onFailure="hold")
    lab.task(late, "test.replication_ready", 0, "deferred")
    lab.sandbox.add_fault("stall", serverIds=servers_of(later))
    return SimpleNamespace(
        early=early,
        before=before,
        early_state=lab.end(early),
        note=lab.note(early),
        late=late,
        later=later,
        late_state=lab.end(late),
        states=lab.states(late),
        log=lab.log(late, "test.replication_ready", 0),
    )


class TestStalled:
    def test_preflight_says_so_before_anything_is_touched(self, stalled: SimpleNamespace, lab: Lab) -> None:
        assert stalled.early_state == "failed"
        assert "STALLED" in stalled.note
        assert servers_of(stalled.before)[0] in stalled.note
        assert lab.mutations(stalled.before) == []

    def test_a_wait_ends_at_once_with_the_reason(self, stalled: SimpleNamespace, lab: Lab) -> None:
        assert stalled.late_state == "failed"
        assert stalled.states["test.replication_ready[0]"] == "failed"
        assert "STALLED" in stalled.log
        assert set(lab.jobs(stalled.later, "START_TEST").values()) == {0}


@story
def stale(lab: Lab) -> SimpleNamespace:
    """MGN launches from an old snapshot: lost writes. ``onFailure: rollback`` undoes it without asking."""
    apps = lab.seed({"appName": "stale-a", "servers": 1})
    lab.sandbox.add_fault("staleSnapshot", serverIds=servers_of(apps), times=1)
    run = lab.wave("stale", apps, testLaunch=False, onFailure="rollback")
    return SimpleNamespace(
        run=run, apps=apps, state=lab.end(run), states=lab.states(run), log=lab.log(run, "cutover.cutover", 0)
    )


def test_an_old_snapshot_is_a_failed_cutover(stale: SimpleNamespace, lab: Lab) -> None:
    assert stale.state == "failed"
    assert stale.states["cutover.cutover[0]"] == "failed"
    assert "snapshot" in stale.log
    assert stale.states["cutover.rollback[0]"] == "success"
    assert lab.phases("stale") == {"stale-a": {"ROLLED_BACK"}}
    assert set(map(len, lab.instances(stale.apps).values())) == {0}


@story
def lost(lab: Lab) -> SimpleNamespace:
    """StartCutover is executed and its answer gets lost."""
    apps = lab.seed({"appName": "lost-a", "servers": 2})
    lab.sandbox.add_fault("dropAfter", service="mgn", operation="StartCutover", serverIds=servers_of(apps), times=1)
    run = lab.wave("lost", apps, testLaunch=False)
    state = lab.end(run)
    refused = lab.rollback(wave="lost", dryRun=False)
    lab.answer(refused, "approve_rollback", "Approve")
    return SimpleNamespace(
        run=run, apps=apps, state=state, refused=refused, refused_state=lab.end(refused), note=lab.note(refused)
    )


class TestLostAnswer:
    def test_the_job_is_adopted(self, lost: SimpleNamespace, lab: Lab) -> None:
        assert lost.state == "success", lab.airflow.explain(lost.run)
        assert set(lab.jobs(lost.apps, "START_CUTOVER").values()) == {1}
        calls = [one for one in lab.mutations(lost.apps) if one["operation"] == "StartCutover"]
        assert [one["executed"] for one in calls] == [True]

    def test_after_finalize_a_rollback_is_refused(self, lost: SimpleNamespace, lab: Lab) -> None:
        assert lost.refused_state == "failed"
        log = lab.log(lost.refused, "undo.rollback", 0)
        assert "PAST_NO_RETURN" in log
        assert "What a person can still do" in log
        assert lab.lifecycle(lost.apps) == {"CUTOVER"}
        assert set(map(len, lab.instances(lost.apps).values())) == {1}


@story
def killed(lab: Lab) -> SimpleNamespace:
    """The worker is killed after StartCutover took effect and before its answer came back."""
    apps = lab.seed({"appName": "killed-a", "servers": 2})
    lab.sandbox.add_fault(
        "timeoutAfter", service="mgn", operation="StartCutover", serverIds=servers_of(apps), times=1, seconds=120
    )
    run = lab.wave("killed", apps, testLaunch=False)
    _hanging_in_mgn(lab, run, apps).kill()
    state = lab.end(run)
    tries = lab.api.task(*run, "cutover.cutover", 0)["try_number"]
    after_retry = lab.jobs(apps, "START_CUTOVER")
    lab.clear(run, "cutover.cutover", 0)
    again = lab.end(run)
    return SimpleNamespace(run=run, apps=apps, state=state, tries=tries, after_retry=after_retry, again=again)


def _hanging_in_mgn(lab: Lab, run: Run, apps: list[Document]) -> psutil.Process:
    """The executor's worker with the task in it, once the call has taken effect; the answer does not come back."""
    deadline = time.monotonic() + 900
    while set(lab.jobs(apps, "START_CUTOVER").values()) != {1}:
        assert time.monotonic() < deadline, "the cutover was not launched"
        time.sleep(0.5)
    ti_id = lab.api.task(*run, "cutover.cutover", 0)["id"]
    for process in processes.all_members(lab.airflow.stack.sessions):
        with contextlib.suppress(psutil.Error):
            if ti_id in " ".join(process.cmdline()):
                return process
    raise AssertionError(f"no process works on {ti_id}")


class TestKilledWorker:
    def test_the_retry_adopts_the_job(self, killed: SimpleNamespace, lab: Lab) -> None:
        assert killed.state == "success", lab.airflow.explain(killed.run)
        assert killed.tries >= 2, "nothing was killed"
        assert set(killed.after_retry.values()) == {1}

    def test_cleared_by_hand_nothing_is_launched_again(self, killed: SimpleNamespace, lab: Lab) -> None:
        assert killed.again == "success", lab.airflow.explain(killed.run)
        assert set(lab.jobs(killed.apps, "START_CUTOVER").values()) == {1}
        assert set(map(len, lab.instances(killed.apps).values())) == {1}


@story
def cmdb_down(lab: Lab) -> SimpleNamespace:
    """The only story that uses the CMDB: its writes fail until the fault is lifted, then the task is cleared."""
    apps = lab.seed({"appName": "cmdb-a", "servers": 2})
    lab.seed_cmdb(5200, apps)
    fault = lab.sandbox.add_fault("error503", service="cmf", operation="PutServer")
    run = lab.wave("cmdb", apps, testLaunch=False, cmdb={"enabled": True})
    first = SimpleNamespace(state=lab.end(run), states=lab.states(run), phases=lab.phases("cmdb"))
    first.log = lab.log(run, "finish.update_cmdb", 0)
    lab.sandbox.clear_faults(fault["id"])
    lab.clear(run, "finish.update_cmdb", 0)
    return SimpleNamespace(run=run, apps=apps, first=first, state=lab.end(run))


class TestCmdbDown:
    def test_it_is_red_and_rolls_nothing_back(self, cmdb_down: SimpleNamespace) -> None:
        assert cmdb_down.first.state == "failed"
        assert cmdb_down.first.states["finish.update_cmdb[0]"] == "failed"
        assert cmdb_down.first.phases == {"cmdb-a": {"FINALIZED"}}
        assert "503" in cmdb_down.first.log

    def test_cleared_it_is_green_and_the_cmdb_knows(self, cmdb_down: SimpleNamespace, lab: Lab) -> None:
        assert cmdb_down.state == "success", lab.airflow.explain(cmdb_down.run)
        instances = lab.instances(cmdb_down.apps)
        for server in cmdb_down.apps[0]["servers"]:
            item = lab.cmdb_server(server["cmdbId"])
            assert item["migration_status"] == "Cutover finalized"
            assert item["target_instance_id"] == instances[server["sourceServerId"]][0]


@story
def callbacks(lab: Lab) -> SimpleNamespace:
    """One receiver is gone for good, another one stumbles twice."""
    gone = lab.seed({"appName": "gone-a", "servers": 1})
    flaky = lab.seed({"appName": "flaky-a", "servers": 1})
    lab.order_answer(status=410, path="/gone", times=None)
    lab.order_answer(status=500, path="/flaky", times=2)
    url = lab.airflow.callback_url
    first = lab.wave("gone", gone, testLaunch=False, callbackUrl=url + "/gone")
    second = lab.wave("flaky", flaky, testLaunch=False, callbackUrl=url + "/flaky")
    return SimpleNamespace(
        gone=first, flaky=second, gone_state=lab.end(first), flaky_state=lab.end(second), states=lab.states(first)
    )


class TestCallbacks:
    def test_gone_is_red_and_not_tried_again(self, callbacks: SimpleNamespace, lab: Lab) -> None:
        assert callbacks.gone_state == "failed"
        assert callbacks.states["finish.send_callback[0]"] == "failed"
        assert "410" in lab.log(callbacks.gone, "finish.send_callback", 0)
        assert len(lab.deliveries("/gone")) == 1
        assert lab.phases("gone") == {"gone-a": {"FINALIZED"}}

    def test_a_stumbling_receiver_gets_one_message(self, callbacks: SimpleNamespace, lab: Lab) -> None:
        assert callbacks.flaky_state == "success", lab.airflow.explain(callbacks.flaky)
        deliveries = lab.deliveries("/flaky")
        assert [one["accepted"] for one in deliveries] == [False, False, True]
        assert len({one["webhookId"] for one in deliveries}) == 1
