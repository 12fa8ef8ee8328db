"""A server that is started as its user starts it."""

import signal
import subprocess
import sys
import urllib.request

import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.serve import run
from jaxnn.serve.running import bound


def test_an_address_that_is_taken_is_told():
    with bound("127.0.0.1", 0) as own:
        port = own.getsockname()[1]
        with pytest.raises(ValueError, match=rf"127.0.0.1:{port} cannot be had .*; write port=0"):
            run(None, port=port)
    with pytest.raises(ValueError, match="a port is a number from 0 to 65535, got 70000; write port=8000"):
        bound("127.0.0.1", 70000)


def test_the_command_serves_a_file_until_it_is_interrupted(tmp_path):
    x = np.linspace(-1, 1, 16)[:, None]
    trial = nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(0.1))
    line = nn.fit(trial, (x, 2 * x[:, 0]), epochs=3, progress=False)
    line.save(tmp_path / "model.safetensors")
    words = [sys.executable, "-m", "jaxnn", "serve", str(tmp_path), "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        told = process.stdout.readline()
        assert told.startswith("serving on http://127.0.0.1:"), process.stderr.read()
        url = told.split()[2] + "/predict"
        with urllib.request.urlopen(url, b'{"instances": [[0.5]]}', timeout=60) as answer:
            found = answer.read().decode()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) in (0, 130)
    assert float(found.split("[")[1].split("]")[0]) == pytest.approx(
        float(line.predict(np.array([[0.5]]))[0]), abs=1e-5
    )
