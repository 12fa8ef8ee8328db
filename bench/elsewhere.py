"""What a grid compiles for machines that are not here: an H200, TPU slices. Nothing runs; XLA tells what it made.

It needs an environment of its own, on any Linux machine (about 1 GB):

    pip install 'jax[tpu]==0.10.2' optax flax chex safetensors tqdm scikit-learn
    pip install --no-deps jax-cuda12-plugin==0.10.2 jax-cuda12-pjrt==0.10.2 nvidia-cuda-nvcc-cu12

Then ``python bench/elsewhere.py h200 1024`` (the digits MLP, 1,024 members side by side) or ``python
bench/elsewhere.py v5e:2x2 64`` (on one chip of a slice). The programs are those of `jaxnn.train.program.Programs`,
which `fit` and `grid` run.
"""

import os
import re
import sys
import time

os.environ.update(JAX_PLATFORMS="cpu", TF_CPP_MIN_LOG_LEVEL="3")
os.environ.update(TPU_SKIP_MDS_QUERY="1", TPU_ACCELERATOR_TYPE="v5litepod-4", TPU_WORKER_HOSTNAMES="localhost")
# Without a device nothing can be tuned by trial, and without tuning the Triton products fail to find their tiles.
os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "") + " --xla_gpu_autotune_level=0 --xla_gpu_enable_triton_gemm=false"
)

import jax

H200 = """
gpu_device_info {
  threads_per_block_limit: 1024 threads_per_warp: 32 shared_memory_per_block: 49152 shared_memory_per_core: 233472
  threads_per_core_limit: 2048 core_count: 132 fpus_per_core: 128 block_dim_limit_x: 2147483647
  block_dim_limit_y: 65535 block_dim_limit_z: 65535 memory_bandwidth: 4800000000000 l2_cache_size: 52428800
  clock_rate_ghz: 1.98 device_memory_size: 149000000000 shared_memory_per_block_optin: 232448
  cuda_compute_capability { major: 9 } registers_per_core_limit: 65536 registers_per_block_limit: 65536
}
platform_name: "CUDA"
dnn_version_info { major: 9 minor: 7 }
runtime_version { major: 12 minor: 8 }
device_description_str: "NVIDIA H200"
"""
KERNELS = {"fusion", "custom-call", "copy", "dot", "reduce", "convolution", "transpose", "sort", "conditional"}
WIDTH = {"f32": 4, "s32": 4, "u32": 4, "bf16": 2, "f16": 2, "pred": 1, "s8": 1, "u8": 1, "f64": 8, "s64": 8, "u64": 8}


def devices(kind):
    """The devices of ``"h200"`` or of a TPU slice such as ``"v5e:2x2"``, to build a mesh of and compile for."""
    from jax.experimental import topologies

    if kind == "h200":
        return topologies.get_topology_desc(platform="cuda", target_config=H200, topology="1x1x1").devices
    return topologies.get_topology_desc(platform="tpu", topology_name=kind).devices


def size(shape):
    """Bytes of an HLO shape, tuples summed, without the scratch array of a cuBLAS call."""
    total = 0
    for dtype, dims in re.findall(r"(\w+)\[([\d,]*)\]", shape.replace("s8[33554432]", "s8[0]")):
        count = 1
        for d in filter(None, dims.split(",")):
            count *= int(d)
        total += count * WIDTH.get(dtype, 4)
    return total


def loops(text):
    """For each computation of a compiled program that holds kernels: its name and rows (kind, name, shape, bytes).

    The bytes are those of all operands and results, an upper bound: a kernel that reads a slice counts the whole.
    """
    found = []
    for block in re.split(r"\n(?=%|ENTRY )", text):
        head = block.split("(", 1)[0].strip().lstrip("%")
        shapes, rows = {}, []
        for line in block.splitlines()[1:]:
            m = re.match(r"\s*(?:ROOT )?%?([\w.\-]+) = (\(.*?\)|\S+) ([\w\-]+)\((.*)", line)
            if not m:
                continue
            name, shape, op, rest = m.groups()
            shapes[name] = shape
            if op in KERNELS and not head.startswith(("fused", "wrapped")):
                operands = re.findall(r"%([\w.\-]+)", rest.split("), ")[0])
                rows.append((op, name, shape, size(shape) + sum(size(shapes.get(o, "")) for o in operands)))
        if len(rows) > 3:
            found.append((head, rows))
    return found


def report(compiled, seconds, top=8):
    """Print memory, and for each loop body its kernels, its bytes and the heaviest kernels."""
    m = compiled.memory_analysis()
    parts = [f"{n} {getattr(m, n + '_size_in_bytes') / 2**20:.0f} MiB" for n in ("argument", "output", "temp")]
    print(f"compiled in {seconds:.1f} s; {', '.join(parts)}")
    for head, rows in loops(compiled.as_text()):
        print(f"{head[:50]}: {len(rows)} kernels, at most {sum(r[3] for r in rows) / 1e9:.2f} GB moved")
        for op, name, shape, count in sorted(rows, key=lambda r: -r[3])[:top]:
            print(f"    {count / 1e6:9.1f} MB  {op[:12]:12} {name[:34]:34} {shape[:60]}")


def compile_grid(kind: str, members: int):
    """The training program of the digits MLP as `grid` builds it, for so many members side by side."""
    import numpy as np
    import optax
    from jax.sharding import SingleDeviceSharding

    import jaxnn as nn
    from jaxnn.data.source import read
    from jaxnn.grid.plan import Plan
    from jaxnn.train.enrol import enrol
    from jaxnn.train.program import Programs, _options

    def trial(lr, l2, dropout):
        model = nn.mlp((100, 100), out=10, dropout=dropout)
        return nn.Trial(model, "softmax_cross_entropy", optax.chain(nn.l2(l2), optax.adam(lr)))

    source = read((np.zeros((1437, 64), np.float32), np.arange(1437) % 10))
    entry = enrol(trial, source, dict(lr=1e-3, l2=1e-4, dropout=0.2), epochs=50, batch_size=32)
    device = devices(kind)[0]
    programs = Programs(entry.recipe, Plan(1, members, members, (device,)))
    sharding = SingleDeviceSharding(device)

    def on_device(tree, lead=()):
        return jax.tree.map(lambda a: jax.ShapeDtypeStruct((*lead, *np.shape(a)), a.dtype, sharding=sharding), tree)

    key = jax.eval_shape(lambda: jax.random.key(0, impl="threefry2x32"))
    member = on_device(entry.member(entry.inside)._replace(key=key), (members,))
    state = on_device(jax.eval_shape(programs.start.function, (member, {}), on_device(source.first_row)))
    lowered = programs.train.function.lower(member, state, on_device(source.block(0, 0)))
    started = time.time()
    compiled = lowered.compile(compiler_options=_options(programs.train.options, device.platform))
    return compiled, time.time() - started, sum(a.size * a.dtype.itemsize for a in jax.tree.leaves(state))


def main():
    """Compile and report."""
    sys.path.insert(0, os.getcwd())
    compiled, seconds, state = compile_grid(sys.argv[1], int(sys.argv[2]))
    print(f"weights and moments {state / 2**20:.0f} MiB")
    report(compiled, seconds)


if __name__ == "__main__":
    main()
