"""Every job runs, alone and together with the others, and an exception costs one round."""

from mpesa_service.jobs.table import JOBS, Job, run
from tests.support import Service


def test_every_job_runs_with_nothing_to_do(service: Service) -> None:
    assert {job.name: run(service.runtime, job) for job in JOBS} == {job.name: 0 for job in JOBS}
    names = [
        "deliver",
        "inbox",
        "reconcile",
        "commands",
        "c2b",
        "pull",
        "receipts",
        "confirmations",
        "balance",
        "statements",
        "payouts",
        "orders",
        "approvals",
        "prune",
    ]
    assert [job.name for job in JOBS] == names


def test_a_fault_costs_one_round(service: Service) -> None:
    def fail(_runtime: object) -> int:
        raise RuntimeError("fault")

    assert run(service.runtime, Job("faulty", 1, fail, "fails")) == 0


def test_prune_drops_keys_after_72_hours(service: Service) -> None:
    service.initiate(Idempotency_Key="key-1")
    prune = next(job for job in JOBS if job.name == "prune")
    assert run(service.runtime, prune) == 0
    service.clock.advance(72 * 3600)
    assert run(service.runtime, prune) == 1


def test_run_once_settles_a_payment(service: Service) -> None:
    service.simulator.post("/simulator/options", {"faults": {"callback_lost": 1}})
    checkout = service.pending()
    service.simulator.post(f"/simulator/prompts/{checkout}/pin", {"pin": "0000"})
    service.clock.advance(30)
    runner = service.app.test_cli_runner()
    output = runner.invoke(args=["mpesa", "jobs", "run-once"]).output
    assert "reconcile: 1" in output
    assert service.row(checkout).status == "succeeded"
    only = runner.invoke(args=["mpesa", "jobs", "run-once", "--job", "prune"]).output
    assert only == "prune: 0\n"
    listed = runner.invoke(args=["mpesa", "jobs", "list"]).output
    assert all(job.name in listed for job in JOBS)
