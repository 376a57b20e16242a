# Leaves processes that change their number all the time, and goes on.
import os, signal, sys
for _ in range(5):
    if os.fork() == 0:
        os.setsid()
        for n in range(3):
            os.close(n)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            if os.fork():
                os._exit(0)
            os.setsid()
