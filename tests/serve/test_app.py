"""What a server answers is what the model says; what is wrong is refused and harms nobody."""

import json
import socket
import threading

import jax
import numpy as np
import optax
import pandas
import pytest

import jaxnn as nn

RNG = np.random.default_rng(0)
TIGHT = dict(rtol=1e-5, atol=1e-5)


def fitted(model, x, y, loss="softmax_cross_entropy", **options):
    return nn.fit(nn.Trial(model, loss, optax.adam(1e-2)), (x, y), epochs=1, progress=False, **options)


def models():
    classes = np.array(["no", "perhaps", "yes"])
    y = classes[RNG.integers(0, 3, 32)]
    return {
        "mlp": fitted(nn.mlp((8,), out=3), RNG.normal(size=(32, 4)), y, standardise=True),
        "lenet": fitted(nn.lenet(3), RNG.normal(size=(8, 28, 28, 1)).astype(np.float32), y[:8]),
        "lstm": fitted(
            nn.rnn_classifier(6, out=3, cell="lstm"), RNG.normal(size=(16, 5, 2)).astype(np.float32), y[:16]
        ),
        "encoder": fitted(
            nn.transformer_encoder(8, 2, 1, out=3, vocab=11, context=6), RNG.integers(0, 11, (16, 6)), y[:16]
        ),
    }


@pytest.fixture(scope="module")
def known():
    return models()


@pytest.mark.parametrize("name", ["mlp", "lenet", "lstm", "encoder"])
def test_what_is_served_is_what_the_model_says(known, served, name):
    run = known[name]
    row = run.model.row
    x = RNG.integers(0, 11, (5, *row.shape[1:])) if row.dtype.kind == "i" else RNG.normal(size=(5, *row.shape[1:]))
    with served(run) as ask:
        status, found = ask.predict(x.tolist())
    assert status == 200 and found["classes"] == ["no", "perhaps", "yes"]
    assert found["predictions"] == run.predict(x.astype(row.dtype)).tolist()
    np.testing.assert_allclose(found["probabilities"], run.predict_proba(x.astype(row.dtype)), **TIGHT)


def test_values_and_ensembles_are_served(served):
    x = RNG.normal(size=(16, 3))
    trial = nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(0.1))
    runs = nn.grid(trial, (x, x @ [1.0, 2.0, 3.0]), dict(seed=range(3)), epochs=2, progress=False)
    together = runs.top(3).ensemble()
    with served(together) as ask:
        status, found = ask.predict(x.tolist())
    assert status == 200 and list(found) == ["predictions"]
    np.testing.assert_allclose(found["predictions"], together.predict(x.astype(np.float32)), **TIGHT)


def test_a_table_is_asked_by_its_columns(served):
    frame = pandas.DataFrame({"age": [20.0, 30.0, np.nan, 50.0] * 5, "city": ["Bern", "Ulm", "Ulm", "Bern"] * 5})
    run = fitted(nn.mlp((4,), out=2), frame, np.array(["a", "b"] * 10))
    rows = [{"city": "Ulm", "age": 31, "unused": 1}, {"age": None, "city": "Bern"}]
    with served(run) as ask:
        status, found = ask.predict(rows)
        assert ask.predict([{"age": 3}])[1]["error"].startswith("instance 0 lacks city; send ")
        assert ask.predict([[3, 4]])[1]["error"].startswith("instances are a list of objects with the columns")
        assert ask.predict([{"age": "old", "city": "Ulm"}])[0] == 400
    asked = pandas.DataFrame({"age": [31.0, np.nan], "city": ["Ulm", "Bern"]})
    assert status == 200 and found["predictions"] == run.predict(asked).tolist()
    np.testing.assert_allclose(found["probabilities"], run.predict_proba(asked), **TIGHT)


def test_several_inputs_go_by_name(served):
    x = {"left": RNG.normal(size=(8, 2)).astype(np.float32), "right": RNG.normal(size=(8, 3)).astype(np.float32)}
    model = nn.Model(
        nn.Lambda(lambda v: v["left"].sum(-1) + v["right"].sum(-1)), {}, {}, "squared_error", row=x
    )  # fmt: skip
    with served(model) as ask:
        status, found = ask.predict({name: values.tolist() for name, values in x.items()})
        assert ask.predict({"left": [[1, 2]]})[1]["error"].startswith(
            "instances is no object with the keys left, right"
        )
        assert "different numbers of rows" in ask.predict({"left": [[1, 2]], "right": []})[1]["error"]
    assert status == 200
    np.testing.assert_allclose(found["predictions"], x["left"].sum(1) + x["right"].sum(1), **TIGHT)


def test_the_server_describes_itself_and_its_request_works(known, served):
    with served(known["mlp"]) as ask:
        assert ask("GET", "/health") == (200, {"ok": True})
        status, about = ask("GET", "/")
        assert status == 200 and about["classes"] == ["no", "perhaps", "yes"] and "Dense" in about["model"]
        assert ask.predict(about["request"]["instances"])[0] == 200


def test_many_at_once_get_their_own_answers(known, served):
    run, x, found = known["mlp"], RNG.normal(size=(40, 4)), {}

    def one(ask, i):
        found[i] = ask.predict(x[i : i + 1 + i % 3].tolist())

    with served(run) as ask:
        threads = [threading.Thread(target=one, args=(ask, i)) for i in range(38)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
    for i in range(38):
        assert found[i][0] == 200
        np.testing.assert_allclose(found[i][1]["probabilities"], run.predict_proba(x[i : i + 1 + i % 3]), **TIGHT)


def test_what_is_not_finite_is_null(served):
    model = nn.Model(nn.Lambda(lambda v: v[:, 0] / 0.0), {}, {}, "squared_error", row=np.zeros((1, 1), np.float32))
    with served(model) as ask:
        assert ask.predict([[1.0], [0.0]]) == (200, {"predictions": [None, None]})


GOOD = json.dumps({"instances": [[0.1, 0.2, 0.3, 0.4]]}).encode()
BAD = [
    b"", b"{", b"[]", b"null", b"3", b'"x"', b"\xff\xfe", b"{}", b'{"instances": null}', b'{"instances": []}',
    b'{"instances": [[]]}', b'{"instances": [1, 2]}', b'{"instances": [[1, 2, 3]]}', b'{"instances": [[1, 2, 3, "a"]]}',
    b'{"instances": [[1, 2, 3, null]]}', b'{"instances": [[1, 2, 3, NaN]]}', b'{"instances": [[1, 2, 3, 1e999]]}',
    b'{"instances": [[1, 2, 3, 1e300]]}', b'{"instances": [[1, 2, 3, 4], [1]]}', b'{"instances": {"a": [1]}}',
    b'{"instances": [{"a": 1}]}', b'{"instances": [[1, 2, 3, 4]], "more": 1}', b"[" * 100_000,
    b'{"instances": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", b'{"instances": [[1, 2, 3, ' + b"9" * 5000 + b"]]}",
    b'{"instances": ' + json.dumps([[0, 0, 0, 0]] * 300).encode() + b"}", b"0" * 200_000,
]  # fmt: skip


def test_each_bad_request_gets_one_sentence(known, served):
    with served(known["mlp"], most=256, largest=150_000) as ask:
        for body in BAD:
            status, answer = ask("POST", "/predict", body)
            assert status in (400, 413) and list(answer) == ["error"], body[:80]
            assert (
                10 < len(answer["error"]) < 600 and "\n" not in answer["error"] and "Traceback" not in answer["error"]
            )
        assert ask("GET", "/predict")[0] == 405 and ask("GET", "/nowhere")[0] == 404 and ask("PUT", "/")[0] == 405
        assert "send POST /predict" in ask("GET", "/nowhere")[1]["error"]
        assert ask("POST", "/predict", GOOD)[0] == 200


def raw(port, data):
    """Bytes to a server, and the first of its answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as own:
        own.sendall(data)
        own.shutdown(socket.SHUT_WR)
        try:
            return own.recv(4096)
        except ConnectionResetError:
            return b""


def test_five_hundred_malformed_requests_leave_it_up(known, served):
    """Broken HTTP, broken JSON, good requests cut off or with bytes changed: none is answered by 200 or 500 wrongly."""
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    rng, run = np.random.default_rng(1), known["mlp"]
    with served(run, seconds=5.0) as ask:
        before = ask("POST", "/predict", GOOD)
        for i in range(500):
            whole = head % len(GOOD) + GOOD
            kind = i % 5
            if kind == 0:
                sent = rng.bytes(int(rng.integers(1, 400)))
            elif kind == 1:
                sent = whole[: int(rng.integers(1, len(whole)))]
            elif kind == 2:
                place = int(rng.integers(0, len(whole)))
                sent = whole[:place] + rng.bytes(3) + whole[place + 3 :]
            elif kind == 3:
                body = BAD[int(rng.integers(0, len(BAD)))]
                sent = head % len(body) + body
            else:
                sent = head % int(rng.integers(0, 10**9)) + GOOD
            answer = raw(ask.port, sent)
            assert b" 500 " not in answer[:20], sent[:200]
        assert ask("POST", "/predict", GOOD) == before
    np.testing.assert_allclose(before[1]["probabilities"], run.predict_proba(np.array([[0.1, 0.2, 0.3, 0.4]])), **TIGHT)


def test_a_request_that_does_not_arrive_is_let_go(known, served):
    with served(known["mlp"], seconds=0.2) as ask, socket.create_connection(("127.0.0.1", ask.port), timeout=20) as own:
        own.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        assert own.recv(4096).startswith(b"HTTP/1.1 408")
        assert ask("POST", "/predict", GOOD)[0] == 200


def test_an_unforeseen_failure_is_told_without_its_insides(served):
    def broken(v):
        jax.debug.callback(lambda: (_ for _ in ()).throw(RuntimeError("secret")))
        raise RuntimeError("secret")

    model = nn.Model(nn.Lambda(broken), {}, {}, "squared_error", row=np.zeros((1, 1), np.float32))
    with served(model) as ask:
        status, answer = ask.predict([[1.0]])
        assert status == 500 and "secret" not in answer["error"]
        assert ask("GET", "/health")[0] == 200


def test_rows_of_texts_without_names_are_asked_as_they_were_given(served):
    x = np.array([[1.0, "red"], [2.0, "blue"], [3.0, "red"], [4.0, "blue"]] * 4, dtype=object)
    run = fitted(nn.mlp((4,), out=2), x, np.array(["a", "b"] * 8), prepare=nn.data.Preparation())
    with served(run) as ask:
        status, found = ask.predict([[1.5, "red"], [2, "blue"]])
        assert ask.predict([[1.0], [2.0, "red"]])[0] == 400
        assert ask.predict([[10**400, "red"]])[0] == 400
    assert status == 200 and found["predictions"] == run.predict(np.array([[1.5, "red"], [2, "blue"]], object)).tolist()
