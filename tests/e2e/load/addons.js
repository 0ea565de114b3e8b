// SPDX-License-Identifier: MIT
// Opens several addons, one after the other and again in workers, which have environments
// of their own; says which copies of node's libraries are mapped in the end.
//   addons.js ADDON...
'use strict'
const { Worker, isMainThread, workerData } = require('node:worker_threads')
const { readFileSync, writeSync } = require('node:fs')

const works = (path) => {
    const addon = require(path)
    try {
        addon.fail()
    } catch (e) {
        return e instanceof TypeError && addon.add(40, 2) === 42 && (!addon.uv || addon.uv().endsWith(' 1'))
    }
    return false
}

if (isMainThread) {
    const paths = process.argv.slice(2)
    writeSync(1, `main=${paths.map(works)}\n`)
    let left = 3
    const ended = (code) => {
        if (code) writeSync(1, `worker ended with ${code}\n`)
        if (--left) return
        const maps = readFileSync('/proc/self/maps', 'latin1')
        writeSync(1, `libnode=${maps.includes('/libnode.so')}\nlibuv=${maps.includes('/libuv.so')}\n`)
    }
    for (let i = 0; i < 3; i++) new Worker(__filename, { workerData: paths }).on('exit', ended)
} else {
    writeSync(1, `worker=${workerData.map(works)}\n`)
}
