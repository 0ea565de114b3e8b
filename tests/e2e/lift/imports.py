# What a user does first with each of the modules; prints one line each, and at the end
# which shared objects the process has mapped.
import importlib
import sys


def greenlets():
    import greenlet
    seen = []
    def inner():
        seen.append(1)
        main.switch()
        seen.append(3)
    main = greenlet.getcurrent()
    g = greenlet.greenlet(inner)
    g.switch()
    seen.append(2)
    g.switch()
    return seen


def rapid():
    import rapidjson
    try:
        rapidjson.loads("{")
    except rapidjson.JSONDecodeError as e:
        return type(e).__name__, rapidjson.dumps({"a": [1, 2.5, None]})


def kiwi():
    import kiwisolver
    x = kiwisolver.Variable("x")
    s = kiwisolver.Solver()
    s.addConstraint(x >= 3)
    s.addConstraint(x <= 3)
    try:
        s.addConstraint((x == 4) | "required")
    except kiwisolver.UnsatisfiableConstraint as e:
        s.updateVariables()
        return x.value(), type(e).__name__


def fernet():
    from cryptography.fernet import Fernet
    f = Fernet(Fernet.generate_key())
    return f.decrypt(f.encrypt(b"text"))


def x509():
    from cryptography import x509
    try:
        x509.load_pem_x509_certificate(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    except ValueError as e:
        return "ValueError"


def legacy():
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    c = Cipher(algorithms.Blowfish(b"k" * 16), modes.ECB()).encryptor()
    return c.update(b"12345678").hex()


def xml():
    from lxml import etree
    t = etree.XSLT(etree.XML('<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">'
                             '<xsl:template match="/"><b><xsl:value-of select="/a"/></b></xsl:template></xsl:stylesheet>'))
    try:
        etree.XML("<a>")
    except etree.XMLSyntaxError:
        return str(t(etree.XML("<a>x</a>"))).splitlines()[-1]


def picture():
    import io
    from PIL import Image
    sizes = []
    for kind in ("PNG", "JPEG", "GIF", "TIFF", "WEBP", "JPEG2000"):
        file = io.BytesIO()
        Image.new("RGB", (32, 16), (200, 10, 30)).save(file, kind)
        sizes.append((kind, Image.open(io.BytesIO(file.getvalue())).convert("RGB").size))
    return sizes


def numbers():
    import numpy as np
    a = np.arange(12.0).reshape(3, 4)
    return (a @ a.T).trace(), round(float(np.linalg.det(a @ a.T + np.eye(3))), 6), \
        np.fft.fft(np.ones(4)).real.tolist(), np.random.default_rng(1).integers(0, 100, 3).tolist()


def database():
    import sqlite3
    c = sqlite3.connect(":memory:")
    c.create_function("twice", 1, lambda x: 2 * x)
    return c.execute("select twice(21)").fetchone()


def foreign():
    import ctypes
    libc = ctypes.CDLL("libc.so.6")
    compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
    values = (ctypes.c_int * 4)(3, 1, 4, 2)
    libc.qsort(values, 4, ctypes.sizeof(ctypes.c_int), compare(lambda a, b: a[0] - b[0]))
    return list(values)


def tls():
    import hashlib
    import ssl
    context = ssl.create_default_context()
    return context.verify_mode.name, hashlib.sha256(b"x").hexdigest()[:8], hashlib.new("md5", b"x").hexdigest()[:8]


def same_names():
    import falcon.util.uri
    import falcon.cyutil.uri
    import falcon.vendor.mimeparse
    return falcon.util.uri.decode("a%20b"), falcon.cyutil.uri.__name__


def speedups():
    import markupsafe._speedups
    import simplejson._speedups
    return str(markupsafe._speedups.escape("<a>")), simplejson._speedups.encode_basestring_ascii("ä")


def small():
    import msgpack
    import ujson
    import yaml
    return msgpack.unpackb(msgpack.packb([1, {"a": b"b"}])), ujson.loads("[1, 2]"), \
        yaml.load("a: [1, 2]", Loader=yaml.CSafeLoader)


def loop():
    import asyncio
    import decimal
    async def go():
        await asyncio.sleep(0.001)
        return str(decimal.Decimal(1) / 7)
    return asyncio.run(go())


failed = 0
for test in (greenlets, rapid, kiwi, fernet, x509, legacy, xml, picture, numbers, database, foreign, tls, same_names, speedups,
             small, loop):
    try:
        print(test.__name__, test())
    except BaseException as e:
        failed += 1
        print(test.__name__, "failed:", type(e).__name__, e)
import glob
import os
import sysconfig
for path in sorted(glob.glob(os.path.join(sysconfig.get_path("stdlib"), "lib-dynload", "*.so"))):
    name = os.path.basename(path).split(".")[0]
    try:
        importlib.import_module(name)
    except ImportError as e:
        failed += 1
        print(name, "failed:", e)
print(failed, "failed")
if len(sys.argv) > 1:
    mapped = {line.split()[-1] for line in open("/proc/self/maps") if ".so" in line}
    print(len(mapped), "shared objects mapped", *sorted(mapped))
