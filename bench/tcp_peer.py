"""A plain TCP source and sink, which move a file as vsftpd does: sent with sendfile, received in blocks of 64 KiB and written.

Arguments: path of the file to send, path of the file to write. Prints the two ports as JSON. Ends when its
input does.
"""
import json
import os
import socket
import sys
import threading

SENT, WRITTEN = sys.argv[1:]
BLOCK = bytearray(65536)


def send(connection):
    with open(SENT, "rb") as file:
        connection.sendfile(file)
    connection.shutdown(socket.SHUT_WR)
    connection.recv(1)


def receive(connection):
    with open(WRITTEN, "wb", buffering=0) as file:
        while count := connection.recv_into(BLOCK):
            file.write(memoryview(BLOCK)[:count])


def serve(listener, handle):
    while True:
        connection, _ = listener.accept()
        with connection:
            try:
                handle(connection)
            except OSError as error:
                print(error, file=sys.stderr, flush=True)


source, sink = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
threading.Thread(target=serve, args=(source, send), daemon=True).start()
print(json.dumps({"source": source.getsockname()[1], "sink": sink.getsockname()[1]}), flush=True)
threading.Thread(target=serve, args=(sink, receive), daemon=True).start()
sys.stdin.read()
os._exit(0)
