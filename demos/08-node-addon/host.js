// SPDX-License-Identifier: MIT
// The host: node, which opens the addon with RTLD_DEEPBIND.
//   host.js ADDON
'use strict'
const { constants: { dlopen: flags } } = require('node:os')
const { writeSync } = require('node:fs')

// A crash loses what is buffered: write at once.
const say = (what, value) => writeSync(1, `${what.padEnd(26)}${value}\n`)

const mod = { exports: {} }
globalThis.x = 41

say('node', process.versions.node.split('.')[0])
process.dlopen(mod, process.argv[2], flags.RTLD_NOW | flags.RTLD_DEEPBIND)
say('node, seen by the addon', mod.exports.major)
say('x + 1, run by the addon', mod.exports.evaluate())
