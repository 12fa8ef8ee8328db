"""The digits networks by PyTorch: one after the other in a loop, and many at once by `torch.func`."""

import importlib.util
import time

BATCH, RATE, L2, DROPOUT = 32, 1e-3, 1e-4, 0.2


def peers(tiny: bool) -> dict:
    """Microseconds of a step, of one network in a loop and of many vmapped; or that PyTorch is not there."""
    if importlib.util.find_spec("torch") is None:
        return {"rows": [], "note": "PyTorch is not installed"}
    import torch

    if not torch.cuda.is_available() and not tiny:
        return {"rows": [], "note": f"PyTorch {torch.__version__} sees no GPU"}
    place = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_float32_matmul_precision("high")  # TensorFloat-32, as JAX takes by default
    steps = 3 if tiny else 200
    cases = [("loop", 1), *(("torch.func", n) for n in ((3,) if tiny else (100, 1024, 8192)))]
    rows = []
    for by, members in cases:
        try:
            step = _loop(torch, place, steps) if by == "loop" else _vmapped(torch, place, members, steps)
            networks = 60 * members / (50 * step * 45)
            rows.append({"by": by, "members": members, "microseconds of a step": 1e6 * step,
                         "networks of 50 epochs a minute": networks})  # fmt: skip
        except Exception as error:
            rows.append({"by": by, "members": members, "failed": (str(error).splitlines() or ["?"])[0][:120]})
    return {"device": torch.cuda.get_device_name() if place == "cuda" else "cpu", "rows": rows,
            "note": f"PyTorch {torch.__version__}"}  # fmt: skip


def _network(torch: object, place: str) -> object:
    nn, parts = torch.nn, []
    for a, b in ((64, 100), (100, 100)):
        parts += [nn.Linear(a, b), nn.ReLU(), nn.Dropout(DROPOUT)]
    return nn.Sequential(*parts, nn.Linear(100, 10)).to(place)


def _rows(torch: object, place: str) -> tuple:
    return torch.randn(BATCH, 64, device=place), torch.randint(0, 10, (BATCH,), device=place)


def _timed(torch: object, place: str, step: object, steps: int) -> float:
    wait = torch.cuda.synchronize if place == "cuda" else lambda: None
    for _ in range(max(1, steps // 10)):
        step()
    wait()
    began = time.perf_counter()
    for _ in range(steps):
        step()
    wait()
    return (time.perf_counter() - began) / steps


def _loop(torch: object, place: str, steps: int) -> float:
    net, (x, y) = _network(torch, place), _rows(torch, place)
    adam = torch.optim.Adam(net.parameters(), RATE, weight_decay=2 * L2, fused=place == "cuda")

    def step() -> None:
        adam.zero_grad()
        torch.nn.functional.cross_entropy(net(x), y).backward()
        adam.step()

    return _timed(torch, place, step, steps)


def _vmapped(torch: object, place: str, members: int, steps: int) -> float:
    """All members' weights stacked, the gradient vmapped over them, one fused Adam for the stacks."""
    from torch.func import functional_call, grad, stack_module_state, vmap

    net, (x, y) = _network(torch, place), _rows(torch, place)
    params, _ = stack_module_state([net])
    params = {name: p.detach().repeat(members, *[1] * (p.ndim - 1)).contiguous() for name, p in params.items()}
    adam = torch.optim.Adam(list(params.values()), RATE, weight_decay=2 * L2, fused=place == "cuda")
    loss = lambda p: torch.nn.functional.cross_entropy(functional_call(net, p, (x,)), y)  # noqa: E731
    slopes = vmap(grad(loss), randomness="different")

    def step() -> None:
        for name, slope in slopes(params).items():
            params[name].grad = slope
        adam.step()

    return _timed(torch, place, step, steps)
