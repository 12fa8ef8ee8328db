"""tests/ mirrors jaxnn/: each source file has its test file, where one looks for it first."""

from pathlib import Path

import jaxnn

PACKAGE = Path(jaxnn.__file__).parent
TESTS = Path(__file__).parent
ELSEWHERE = {  # source -> the test file that holds its tests
    "__main__.py": "cli/test_entry.py",
    "core/version.py": "test_project.py",
    "data/named.py": "data/test_datasets.py",
    "data/tables.py": "data/test_datasets.py",
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
