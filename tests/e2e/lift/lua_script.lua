local lpeg = require "lpeg"
local cjson = require "cjson"
local word = lpeg.C(lpeg.R "az" ^ 1)
print(table.concat(lpeg.Ct(word * (lpeg.P "," * word) ^ 0):match "one,two,three", " "))
print(cjson.encode { 1, 2, { a = "b" } }, cjson.decode('{"x": [1, 2.5, null]}').x[2])
print(select(2, pcall(cjson.decode, "{")))
