"""torch that is put off becomes torch itself, whoever asks first and in whatever way; nothing stands for it then."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

AS_ANNOTATIONS = """
from __future__ import annotations
import torch
from torch import Tensor, nn

def half(tensor: Tensor) -> nn.Module:
    return isinstance(tensor, Tensor)
"""
BEFORE = """
import sys, threading
from pathlib import Path
from types import ModuleType

Path("early.py").write_text(ANNOTATIONS)
sys.path.insert(0, "")
from limbeck.core.later import put_off, without_gradients

put_off()
put_off()
import early, torch
from torch import Tensor

assert not hasattr(torch, "__wrapped__") and not hasattr(Tensor, "__args__") and not early.half(3)
alias = Tensor | float
rooted = without_gradients(lambda at: (at * at).requires_grad)
drawn = without_gradients(lambda at: iter([(at * at).requires_grad for _ in range(2)]))
empty = torch
assert "torch._C" not in sys.modules
"""
AFTER = """
assert torch is empty is sys.modules["torch"] and type(torch) is ModuleType
assert early.Tensor is Tensor is torch.Tensor and early.nn is torch.nn is sys.modules["torch.nn"]
assert early.half(torch.ones(1)) and isinstance(torch.ones(1), alias) and not early.half(3)
assert torch.nn.functional is sys.modules["torch.nn.functional"]
assert torch.nn.__spec__.name == "torch.nn" and torch.nn.__spec__.loader is torch.nn.__loader__
assert not any(type(each).__module__ == "limbeck.core.later" for each in sys.meta_path)
at = torch.ones(2, requires_grad=True)
assert not rooted(at) and list(drawn(at)) == [False, False] and (at * at).requires_grad
assert torch.autograd.grad((at * at).sum(), at)[0].tolist() == [2, 2]
"""
ASKED = {
    "by a module within": "import torch.nn.functional as functional; assert functional is torch.nn.functional",
    "by threads": """
found = []
def ask():
    class Own(Tensor):
        pass
    found.append(issubclass(Own, torch.Tensor) and int(torch.ones(3).sum()))
threads = [threading.Thread(target=ask) for _ in range(8)]
for each in threads: each.start()
for each in threads: each.join()
assert found == [3] * 8""",
}


def test_torch_becomes_itself_however_it_is_asked_for(tmp_path: Path) -> None:
    """Each way in a process of its own; they begin as one."""
    forked = "".join(
        f"""
if (child := os.fork()) == 0:
    try:
        exec({asked!r}, globals())
        exec({AFTER!r}, globals())
    except BaseException:
        import traceback
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0, {way!r}
"""
        for way, asked in ASKED.items()
    )
    program = f"import os\nANNOTATIONS = {AS_ANNOTATIONS!r}\n{BEFORE}\n{forked}"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_torch_that_cannot_be_imported_says_so_each_time(tmp_path: Path) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise ImportError('no such library')")
    program = """
import sys
sys.path.insert(0, "")
from limbeck.core.later import put_off
put_off()
import torch
for _ in range(2):
    try:
        torch.ones
    except ImportError as error:
        assert str(error) == "no such library"
    else:
        sys.exit("no error")
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
