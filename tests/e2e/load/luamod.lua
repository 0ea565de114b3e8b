-- SPDX-License-Identifier: MIT
-- Requires the module and asks it; then says which copies of Lua are mapped.
--   luamod.lua FOLDER
package.cpath = arg[1] .. "/?.so"
local loaded, module = pcall(require, "luamod")
print("loaded=" .. (loaded and "true" or module:gsub("\n", " ")))
if loaded then
    local mod = module
    for i = 1, 2000 do mod.answer(i) end
    collectgarbage()
    print("answer=" .. mod.answer(7))
end
local copies = {}
for line in io.lines("/proc/self/maps") do
    local name = line:match("/(liblua5%.%d)")
    if name then copies[name] = true end
end
print("copies=" .. (copies["liblua5.3"] and "5.3" or "") .. (copies["liblua5.4"] and "5.4" or ""))
