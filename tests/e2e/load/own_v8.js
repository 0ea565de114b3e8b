// SPDX-License-Identifier: MIT
// Opens a library that is no addon, and goes on with node's own V8.
//   own_v8.js LIBRARY
'use strict'
const { writeSync } = require('node:fs')
try {
    process.dlopen({ exports: {} }, process.argv[2])
} catch (e) {
    writeSync(1, `open=${e.message.split('\n')[0]}\n`)
}
writeSync(1, `node V8=${process.versions.v8}\n`)
const sum = JSON.parse('[1,2,3]').map((x) => x * 2).reduce((a, b) => a + b)
let big = ''
for (let i = 0; i < 20000; i++) big += String.fromCharCode(65 + i % 26)
writeSync(1, `works=${sum} ${new RegExp('Z.*A', 's').test(big)} ${new Intl.NumberFormat('de').format(1234.5)}\n`)
