"""Waves on virtual time: the real steps, rules, once-only code and ledger on an account in memory.

No HTTP, no moto, no Airflow process, no sleeping. ``python -m include.simulation`` runs many schedules and says which
invariant did not hold, with the seed and the trail that led there; ``docs/simulation.md`` says how to use it.

What is real: everything in ``migration_ops.wave``, ``migration_ops.ledger`` and the MGN hook, and of the sandbox its
MGN (states, refusals, jobs). What is simulated: the DynamoDB table, EC2, SSM, the sources, people, and Airflow.

How Airflow is modelled (``scheduler``, ``runs``, ``stints``):

* A *task* runs in stints. A stint is one call of the step, from its start or from the end of its last wait, up to its
  next wait or its end. It runs on a worker whose clock may be minutes wrong.
* A *wait* is polled by the triggerer with the package's own conditions. It is resumed in the same try, with what the
  wait saw and what the step carried over.
* A *retry* is a new try that begins from the start (``is_retry=True``): after an error that may pass, and after a
  worker died, whatever the task was at, also in a stint after a wait. There are six, thirty seconds apart.
* A *clear* by a person is the same task afresh (``is_retry=False``), its result forgotten, and with it everything
  downstream; people also clear without downstream, which is unwise and possible.
* *Parallel tasks*: any task that may run is next, by the schedule's dice. Between two calls of a stint another task's
  whole stint may run (``interleaving``), so that what was read may be old when it is acted on.
* *Runs*: people start the wave again and trigger ``migration_rollback``, also while the first run goes on. A lock is
  taken over when its run has ended.
* A *killed* worker raises ``WorkerKilled``, a BaseException that no handler of the package catches.

Not simulated: preflight's checks, the CMDB and the callback, checks of the conf over HTTP and TCP; their tests use the
sandbox.
"""
