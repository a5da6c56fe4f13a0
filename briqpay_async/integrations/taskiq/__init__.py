"""Updates of sessions over a pool of workers on any number of machines: taskiq wakes them, Redis keeps the rows.

Needs the extra ``taskiq``. Put ``BriqpayTasks`` beside the tasks of your own broker, or let ``briqpay worker``
serve the queue without a program of your own.
"""

from briqpay_async.integrations.taskiq.run import BulkRun
from briqpay_async.integrations.taskiq.tasks import BriqpayTasks, FailedUpdate

__all__ = ["BriqpayTasks", "BulkRun", "FailedUpdate"]
