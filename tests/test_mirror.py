"""tests/ mirrors jaxnn/: each source file has its test file, where one looks for it first."""

from pathlib import Path

import jaxnn

PACKAGE = Path(jaxnn.__file__).parent
TESTS = Path(__file__).parent
ELSEWHERE = {  # source -> the test file that holds its tests
    "__main__.py": "cli/test_entry.py",
    "cli/telling.py": "cli/test_train.py",
    "core/version.py": "test_project.py",
    "data/batch_reading.py": "data/test_streamed.py",
    "data/named.py": "data/test_datasets.py",
    "data/places.py": "data/test_origins.py",
    "data/tables.py": "data/test_datasets.py",
    "export/formulas_activations.py": "export/test_formulas.py",
    "export/numpy_composites.py": "export/test_numpy.py",
    "export/numpy_layers.py": "export/test_numpy.py",
    "export/numpy_page.py": "export/test_numpy.py",
    "export/onnx_arrays.py": "export/test_onnx.py",
    "export/onnx_control.py": "export/test_onnx.py",
    "export/onnx_elementwise.py": "export/test_onnx.py",
    "export/onnx_graph.py": "export/test_onnx.py",
    "export/onnx_products.py": "export/test_onnx.py",
    "export/onnx_walk.py": "export/test_onnx.py",
    "grid/crew.py": "grid/test_processes.py",
    "grid/job.py": "grid/test_remote.py",
    "grid/replay.py": "grid/test_results.py",
    "layers/attention_product.py": "layers/test_attention.py",
    "layers/global_pool.py": "layers/test_pool.py",
    "layers/join.py": "layers/test_combining.py",
    "layers/kernel.py": "layers/test_conv.py",
    "layers/lambda_.py": "layers/test_combining.py",
    "layers/parallel.py": "layers/test_combining.py",
    "layers/recurrent_cells.py": "layers/test_recurrent.py",
    "layers/recurrent_scan.py": "layers/test_recurrent.py",
    "layers/spatial.py": "layers/test_conv.py",
    "losses/alignment.py": "losses/test_against_others.py",
    "losses/angles.py": "losses/test_against_others.py",
    "losses/divergence.py": "losses/test_against_others.py",
    "losses/focus.py": "losses/test_against_others.py",
    "losses/gaussian.py": "losses/test_against_others.py",
    "losses/quantiles.py": "losses/test_against_others.py",
    "losses/ranking.py": "losses/test_against_others.py",
    "losses/rates.py": "losses/test_against_others.py",
    "losses/reading.py": "losses/test_against_others.py",
    "losses/softened.py": "losses/test_against_others.py",
    "metrics/agreement.py": "metrics/test_against_scikit_learn.py",
    "sklearn/any_trial.py": "sklearn/test_trial_estimators.py",
    "sklearn/batched.py": "sklearn/test_search.py",
    "sklearn/estimator.py": "sklearn/test_mlp.py",
    "sklearn/forward.py": "sklearn/test_classifier.py",
    "sklearn/iteration.py": "sklearn/test_mlp.py",
    "sklearn/network.py": "sklearn/test_mlp.py",
    "sklearn/objective.py": "sklearn/test_mlp.py",
    "sklearn/ready.py": "sklearn/test_search.py",
    "sklearn/solvers.py": "sklearn/test_mlp.py",
    "sklearn/targets.py": "sklearn/test_classifier.py",
    "train/middle.py": "io/test_middles.py",
    "train/stream_programs.py": "train/test_streamed.py",
    "train/targets.py": "train/test_heads.py",
}


def test_every_source_file_has_its_test_file():
    missing = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE)
        own = ELSEWHERE.get(name.as_posix(), (name.parent / f"test_{name.name}").as_posix())
        if name.name != "__init__.py" and not (TESTS / own).exists():
            missing.append(f"{name} wants tests/{own}")
    assert not missing, "; ".join(missing)
