"""A server in a thread, and how to ask it."""

import http.client
import json
import threading
import time
from contextlib import contextmanager

import pytest

from jaxnn.serve.running import bound, server


class Asked:
    """What a server answers.

    Args:
        port: where it listens.
    """

    def __init__(self, port):
        self.port = port

    def __call__(self, method, path, body=None, headers=()):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, json.loads(content)

    def predict(self, instances):
        return self("POST", "/predict", json.dumps({"instances": instances}))


@contextmanager
def serving(model, **options):
    with bound("127.0.0.1", 0) as own:
        running = server(model, **options)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [own]})
        thread.start()
        while not running.started:
            time.sleep(0.01)
        try:
            yield Asked(own.getsockname()[1])
        finally:
            running.should_exit = True
            thread.join(30)


@pytest.fixture(scope="session")
def served():
    return serving
