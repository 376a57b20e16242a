# Holds connections, some with a request that never comes to its end.
import os, socket, time, urllib.parse
place = urllib.parse.urlsplit(os.environ["AWS_ENDPOINT_URL"])
for _ in range(2):
    if os.fork() == 0:
        break
held = []
try:
    while len(held) < 900:
        s = socket.create_connection((place.hostname, place.port), 2)
        held.append(s)
        s.send([b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n", b"GET / HT", b""][len(held) % 3])
except OSError:
    pass
for n in range(80):
    time.sleep(0.1)
    for s in held[::3]:
        try:
            s.send(b"x")
        except OSError:
            pass
