from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import hybridrad as hr

PACKAGE = Path(hr.__file__).parent
HEAVY = ["torch", "torchvision", "xgboost", "shap", "matplotlib", "SimpleITK", "radiomics", "sklearn", "pandas"]


def test_importing_the_package_is_quiet_and_loads_nothing_heavy():
    code = f"import sys, hybridrad; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert done.stderr == ""


def test_every_public_name_can_be_had_and_is_documented():
    for name in hr.__all__:
        assert getattr(hr, name).__doc__, name


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'compare_modles'"):
        _ = hr.compare_modles


def calls(tree: ast.AST) -> list[tuple[str, ast.Call]]:
    return [(ast.unparse(node.func), node) for node in ast.walk(tree) if isinstance(node, ast.Call)]


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda f: str(f.relative_to(PACKAGE)))
def test_nothing_is_loaded_that_could_run_code(file):
    forbidden = {"eval", "exec", "joblib.load", "yaml.load", "yaml.unsafe_load", "pd.read_pickle", "os.system"}
    for name, call in calls(ast.parse(file.read_text(encoding="utf-8"))):
        assert name not in forbidden, f"{name} in line {call.lineno}"
        assert not name.startswith(("pickle.load", "dill.", "cloudpickle.")), f"{name} in line {call.lineno}"
        if name == "torch.load":
            arguments = {k.arg: ast.unparse(k.value) for k in call.keywords}
            assert arguments.get("weights_only") == "True", f"line {call.lineno}"
