# Memory that counts for no process: what is in sockets and pipes, and tables of pages.
import mmap, os, socket, time
held = []
try:
    while True:
        a, b = socket.socketpair()
        a.setblocking(False)
        held += [a, b]
        try:
            while True:
                a.send(b"x" * 65536)
        except BlockingIOError:
            pass
except OSError:
    pass
try:
    for n in range(40):
        m = mmap.mmap(-1, 1 << 30)
        held.append(m)
        for at in range(0, 1 << 30, 2 << 20):
            m[at]
except (OSError, ValueError):
    pass
time.sleep(5)
