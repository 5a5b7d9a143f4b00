"""bcrypt for ceph-mgr, on the C library's crypt(3).

ceph-mgr runs each of its modules in a sub-interpreter. Debian 13's
python3-bcrypt is written in Rust, with a PyO3 that refuses to be loaded there
("PyO3 modules do not yet support subinterpreters"), and mgr_util imports
bcrypt: so no module loads at all. This file lies in ceph-mgr's module
directory, which Python searches first. It has what Ceph uses, with the same
results: libcrypt computes the same $2b$ hashes.
"""

import ctypes
import hmac
import os

_crypt = ctypes.CDLL("libcrypt.so.1", use_errno=True)
_crypt.crypt_rn.restype = ctypes.c_char_p
_crypt.crypt_rn.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int]
_crypt.crypt_gensalt_rn.restype = ctypes.c_char_p
_crypt.crypt_gensalt_rn.argtypes = [
    ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]

# sizeof(struct crypt_data) and CRYPT_GENSALT_OUTPUT_SIZE of libxcrypt 4.
_DATA_SIZE = 32768
_SALT_SIZE = 192


def gensalt(rounds: int = 12, prefix: bytes = b"2b") -> bytes:
    if prefix not in (b"2a", b"2b"):
        raise ValueError("Supported prefixes are b'2a' or b'2b'")
    if not 4 <= rounds <= 31:
        raise ValueError("Invalid rounds")
    out = ctypes.create_string_buffer(_SALT_SIZE)
    salt = _crypt.crypt_gensalt_rn(b"$" + prefix + b"$", rounds, os.urandom(16), 16, out, len(out))
    if salt is None:
        raise OSError(ctypes.get_errno(), "crypt_gensalt_rn")
    return salt


def hashpw(password: bytes, salt: bytes) -> bytes:
    if isinstance(password, str) or isinstance(salt, str):
        raise TypeError("Strings must be encoded before hashing")
    if b"\x00" in password:
        raise ValueError("password may not contain NUL bytes")
    data = ctypes.create_string_buffer(_DATA_SIZE)
    hashed = _crypt.crypt_rn(password, salt, data, len(data))
    if hashed is None or not hashed.startswith(b"$2"):
        raise ValueError("Invalid salt")
    return hashed


def checkpw(password: bytes, hashed_password: bytes) -> bool:
    return hmac.compare_digest(hashpw(password, hashed_password), hashed_password)
