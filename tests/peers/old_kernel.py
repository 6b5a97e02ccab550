"""Runs a program as on a kernel of before some system calls: they answer ENOSYS to it and to all that it starts.

    python old_kernel.py landlock,seccomp PROGRAM ARGUMENT…

What a Linux of before 5.13 (Landlock) or built without seccomp says; made by a seccomp filter that is in force before the
program begins.
"""

import ctypes
import os
import platform
import struct
import sys

# System call numbers; Landlock's are the same everywhere.
CALLS = {
    "x86_64": {"landlock": [444, 445, 446], "seccomp": [317]},
    "aarch64": {"landlock": [444, 445, 446], "seccomp": [277]},
}
ENOSYS = 38
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
ALLOW, ERRNO = 0x7FFF0000, 0x00050000


def instruction(code, yes, no, value):
    return struct.pack("=HBBI", code, yes, no, value)


def main():
    numbers = [n for name in sys.argv[1].split(",") for n in CALLS[platform.machine()][name]]
    program = instruction(0x20, 0, 0, 0)  # load the call's number
    for left, number in zip(range(len(numbers), 0, -1), numbers):
        program += instruction(0x15, left, 0, number)  # equal: to the last instruction
    program += instruction(0x06, 0, 0, ALLOW) + instruction(0x06, 0, 0, ERRNO | ENOSYS)
    code = ctypes.create_string_buffer(program)
    filter_ = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    for call in [
        (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.c_void_p(ctypes.addressof(filter_)), 0, 0),
    ]:
        if libc.prctl(*call) != 0:
            sys.exit(f"prctl{call[:2]}: {os.strerror(ctypes.get_errno())}")
    os.execvp(sys.argv[2], sys.argv[2:])


main()
