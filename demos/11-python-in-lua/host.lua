-- SPDX-License-Identifier: MIT
-- The host: Lua, which opens its modules RTLD_LOCAL. Python's own extension modules
-- are linked to no libpython: they take its names from whoever shows them.
local python = require "python"

local function say(what, statements)
    local answer = python(statements):gsub("^(%w+: ).*: (undefined symbol: ).*$", "%1%2…")
    print(("%-26s%s"):format(what, answer))
end

say("7 // 2", "said = 7 // 2")
say("decimal", "import _decimal; said = _decimal.Decimal(1) / 8")
say("ctypes", "import ctypes; said = ctypes.pythonapi.Py_IsInitialized()")
say("hashlib", "import _hashlib; said = _hashlib.openssl_sha256(b'x').hexdigest()[:8]")
say("libpythons mapped", [[
said = len({line.split()[-1] for line in open('/proc/self/maps') if '/libpython' in line})]])
