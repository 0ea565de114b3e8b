// SPDX-License-Identifier: MIT
// The opening of an addon in a real node, a fresh process each time: prints seconds and
// the KiB of mappings that came.
//   load_node.js ADDON [deepbind]      with LOAD_CALLS it has to work, too
'use strict'
const { constants: { dlopen: flags } } = require('node:os')
const { readFileSync, writeSync } = require('node:fs')

const mapped = () => readFileSync('/proc/self/maps', 'latin1').split('\n').filter(Boolean)
    .map((line) => line.match(/^([0-9a-f]+)-([0-9a-f]+)/).slice(1).map((text) => BigInt('0x' + text)))
    .reduce((sum, [low, high]) => sum + Number(high - low) / 1024, 0)

mapped()                    // what V8 needs for it is there now
const mod = { exports: {} }
const before = mapped()
const start = process.hrtime.bigint()
process.dlopen(mod, process.argv[2], flags.RTLD_NOW | (process.argv[3] ? flags.RTLD_DEEPBIND : 0))
const took = Number(process.hrtime.bigint() - start) / 1e9
const came = mapped() - before
if (process.env.LOAD_CALLS && mod.exports.add(40, 2) !== 42) throw new Error('the addon does not reach the host')
writeSync(1, `${took.toFixed(9)} ${came.toFixed(0)}\n`)
process.reallyExit(0)       // two V8s in one process may not survive its end
