"""Tags of CloudWatch alarms as AWS has them: taken when an alarm is made, not when it is put again, and gone with it.

moto 5.2.5 takes them each time, and keeps them for the next alarm of that name. (API reference, PutMetricAlarm.)
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from moto.cloudwatch.models import CloudWatchBackend


def install() -> None:
    """Patches moto in this process; a second call changes nothing."""
    if getattr(CloudWatchBackend, "_tags_as_aws", False):
        return
    put, delete = CloudWatchBackend.put_metric_alarm, CloudWatchBackend.delete_alarms

    @wraps(put)
    def put_metric_alarm(self: CloudWatchBackend, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("name") in self.alarms:
            kwargs["tags"] = None
        return put(self, *args, **kwargs)

    @wraps(delete)
    def delete_alarms(self: CloudWatchBackend, alarm_names: list[str]) -> None:
        for name in alarm_names:
            if name in self.alarms:
                self.tagger.delete_all_tags_for_resource(self.alarms[name].alarm_arn)
        delete(self, alarm_names)

    CloudWatchBackend.put_metric_alarm = put_metric_alarm
    CloudWatchBackend.delete_alarms = delete_alarms
    CloudWatchBackend._tags_as_aws = True
