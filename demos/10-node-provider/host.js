// SPDX-License-Identifier: MIT
// The host: node, which opens the addon as require does.
//   host.js ADDON
'use strict'
const { readFileSync, writeSync } = require('node:fs')

// A crash loses what is buffered: write at once.
const say = (what, value) => writeSync(1, `${what.padEnd(26)}${value}\n`)
const mappings = () => readFileSync('/proc/self/maps', 'latin1').split('\n').filter(Boolean)
    .map((line) => line.split(' ')[0].split('-').map((text) => Number.parseInt(text, 16)))
    .reduce((sum, [low, high]) => sum + (high - low) / 2 ** 20, 0)

globalThis.x = 41
say('node', process.versions.node.split('.')[0])
const before = mappings()
const addon = require(process.argv[2])
const came = mappings() - before
say('node, seen by the addon', addon.major)
say('x + 1, run by the addon', addon.evaluate())
say('libnode is mapped', readFileSync('/proc/self/maps', 'latin1').includes('/libnode.so') ? 'yes' : 'no')
say('mappings that came', came < 10 ? 'less than 10 MiB' : `${Math.round(came)} MiB`)
