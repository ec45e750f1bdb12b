"""Waves on virtual time: the real steps, rules, once-only code and ledger on an account in memory.

No HTTP, no moto, no Airflow process, no sleeping. ``python -m include.simulation`` runs many schedules and says which
invariant did not hold, with the seed and the trail that led there; ``docs/simulation.md`` says how to use it.

Real are ``migration_ops.wave``, ``migration_ops.ledger``, the MGN hook, and the sandbox's MGN (states, refusals, jobs).
Simulated are the DynamoDB table, EC2, SSM, the source servers, people, and Airflow.

How Airflow is modelled (``scheduler``, ``runs``, ``stints``):

* A *task* runs in stints. A stint is one call of the step, from its start or from the end of its last wait, up to its
  next wait or its end. It runs on a worker whose clock may be minutes wrong.
* A *wait* is polled by the triggerer with the package's own conditions. It resumes in the same try, with what the wait
  saw and what the step carried over.
* A *retry* is a new try from the start (``is_retry=True``), after a retryable error or after a worker died, also in a
  stint after a wait. There are up to six, thirty seconds apart.
* A *clear* by a person starts the task again (``is_retry=False``), without its result, and with everything downstream.
  People also clear without downstream, which is possible though wrong.
* *Parallel tasks*: any task that may run can be next; the schedule's random generator decides. Between two calls of a
  stint a whole stint of another task may run (``interleaving``), so that what was read may be old when it is used.
* *Runs*: people start the wave again and trigger ``migration_rollback``, also while the first run continues. A lock is
  taken over when its run has ended.
* A *killed* worker raises ``WorkerKilled``, a BaseException that no handler of the package catches.

Not simulated: preflight's checks, the CMDB and the callback, checks of the conf over HTTP and TCP; their tests use the
sandbox.
"""
