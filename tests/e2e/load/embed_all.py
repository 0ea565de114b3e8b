# SPDX-License-Identifier: MIT
# Imports every extension module that this Python brings, each a file that names Python's
# symbols and nothing that defines them.
import glob
import importlib
import sysconfig

paths = glob.glob(sysconfig.get_config_var("DESTSHARED") + "/*.so")
failed = []
for path in sorted(paths):
    name = path.rpartition("/")[2].partition(".")[0]
    try:
        importlib.import_module(name)
    except ImportError as error:
        failed.append(f"{name} ({error})")
said = f"{len(failed)} of {len(paths)} failed {'; '.join(failed)}"
