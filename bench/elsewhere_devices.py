"""Devices that are not here, to compile for: an H200, chips and slices of TPUs.

They need packages that nothing else needs, about 1 GB in an environment of its own, on Linux:

    python3 -m venv elsewhere && elsewhere/bin/pip install '.[elsewhere]'

No library of CUDA comes along but its assembler: those are for machines that have a GPU.
"""

import importlib.util
import os

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
LIBRARY = {"gpu": {"xla_gpu_enable_triton_gemm": False}}
"""Options for XLA by platform: all products by cuBLAS. Without a device nothing can be tuned by trial; products of
Triton then take default tiles, which some very small ones have not."""


def missing(kind):
    """Which packages the devices of this kind lack, or None."""
    wanted = ["jax_plugins.xla_cuda12", "nvidia.cuda_nvcc"] if kind == "h200" else ["libtpu"]
    lacking = [name for name in wanted if not _installed(name)]
    return ", ".join(lacking) or None


def _installed(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def devices(kind):
    """The devices of ``"h200"``, of one chip ``"v5e"`` or of a TPU slice such as ``"v5e:2x2"``: to compile for, not to
    run on."""
    os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", TPU_SKIP_MDS_QUERY="1", TPU_WORKER_HOSTNAMES="localhost")
    os.environ.update(TPU_ACCELERATOR_TYPE="v5litepod-4", ALLOW_MULTIPLE_LIBTPU_LOAD="1")  # no chip to quarrel over
    import jax
    from jax.experimental import topologies

    jax.config.update("jax_platforms", "cpu")  # or the plugin looks for the libraries of a GPU that is not here
    if kind == "h200":
        return tuple(topologies.get_topology_desc(platform="cuda", target_config=H200, topology="1x1x1").devices)
    name, _, slice_ = kind.partition(":")
    found = topologies.get_topology_desc(platform="tpu", topology_name=f"{name}:{slice_ or '2x2'}").devices
    return tuple(found) if slice_ else tuple(found)[:1]
