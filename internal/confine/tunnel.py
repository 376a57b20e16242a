"""Lets a program in a container without a network reach ports of the judge.

It listens on the ports that it is given, on loopback, and carries what comes
over its own standard streams: frames of kind, number of the connection, length,
bytes. It is the container's first process: the end of its input ends all.
"""

import itertools
import os
import queue
import socket
import struct
import sys
import threading

OPEN, DATA, END, CLOSE, READY = range(5)
FRAME = struct.Struct(">BII")
numbers = itertools.count(1)
waiting = {}  # for each connection what is to be written to it
told = threading.Lock()


def tell(kind, number, data=b""):
    with told:
        sys.stdout.buffer.write(FRAME.pack(kind, number, len(data)) + data)
        sys.stdout.buffer.flush()


def accept(listener, port):
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        number = next(numbers)
        waiting[number] = queue.SimpleQueue()
        tell(OPEN, number, struct.pack(">H", port))
        threading.Thread(target=serve, args=(connection, number), daemon=True).start()


def serve(connection, number):
    writer = threading.Thread(target=write, args=(connection, waiting[number]), daemon=True)
    writer.start()
    try:
        while data := connection.recv(65536):
            tell(DATA, number, data)
        tell(END, number)
        writer.join()
    except OSError:
        pass
    tell(CLOSE, number)
    waiting.pop(number, None)
    connection.close()


def write(connection, items):
    try:
        while (kind_data := items.get())[0] == DATA:
            connection.sendall(kind_data[1])
        connection.shutdown(socket.SHUT_WR if kind_data[0] == END else socket.SHUT_RDWR)
    except OSError:
        pass


def main():
    ports = [int(port) for port in sys.argv[1:]]
    listeners = [socket.create_server(("127.0.0.1", port), backlog=128) for port in ports]
    tell(READY, 0)
    for listener, port in zip(listeners, ports):
        threading.Thread(target=accept, args=(listener, port), daemon=True).start()
    source = sys.stdin.buffer
    while len(head := source.read(FRAME.size)) == FRAME.size:
        kind, number, length = FRAME.unpack(head)
        data = source.read(length)
        if items := waiting.get(number):
            items.put((kind, data))
    os._exit(0)


main()
