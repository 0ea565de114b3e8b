// SPDX-License-Identifier: MIT
// Opens an addon and asks for everything that it can do, writing each answer at once,
// as a crash loses what is buffered. The last lines tell which copies are mapped.
//   addon.js ADDON [deepbind]
'use strict'
const { constants: { dlopen: flags } } = require('node:os')
const { readFileSync, writeSync } = require('node:fs')

const say = (what, value) => writeSync(1, `${what}=${value}\n`)
const thrown = (call) => {
    try {
        return call()
    } catch (e) {
        return `${e.name}/${e.code}/${e.message}/${e instanceof TypeError}`
    }
}

const mod = { exports: {} }
say('open', 'begins')
process.dlopen(mod, process.argv[2], flags.RTLD_LAZY | (process.argv[3] ? flags.RTLD_DEEPBIND : 0))
const addon = mod.exports
say('open', 'done')
if (addon.answer) say('answer', addon.answer())
if (addon.add) {
    say('add', addon.add(40, 2))
    say('fail', thrown(addon.fail))
    say('sum', addon.sum(Buffer.from([1, 2, 3, 250])))
    say('major', addon.version().major === Number(process.versions.node.split('.')[0]))
}
if (addon.uv) say('uv', addon.uv() === `${process.versions.uv} 1`)
const maps = readFileSync('/proc/self/maps', 'latin1')
for (const name of ['libnode', 'libuv']) say(name, maps.includes(`/${name}.so`))
for (const name of maps.match(/\/memfd:graft-provider:\S+/g) || []) say('provider', name)
process.on('exit', () => say('exit', 'begins'))
