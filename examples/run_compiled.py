#!/usr/bin/python3
"""Runs what `lathe compile` made, on arrays from .npy files; needs NumPy and the runtime's shared library, not lathe.

    examples/run_compiled.py build/release/liblathe_runtime.so fashion-mnist.bundle/compiled image.npy

A file for each input, in its order; types and shapes must be the input's own (`lathe compile explain` shows them).
"""
import ctypes
import sys

import numpy

DTYPES = {"f32": "float32", "f64": "float64", "i64": "int64", "i32": "int32", "i16": "int16", "i8": "int8",
          "u8": "uint8", "bool": "bool"}


class TensorInfo(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("dtype", ctypes.c_char_p), ("rank", ctypes.c_int),
                ("shape", ctypes.c_int64 * 8), ("bytes", ctypes.c_size_t)]


class CompiledModel:
    """A compiled directory with one session: call it with an array for each input."""

    def __init__(self, library, directory, threads=1):
        self.runtime = ctypes.CDLL(library)
        for name in ("lathe_load", "lathe_session_new", "lathe_input", "lathe_output"):
            getattr(self.runtime, name).restype = ctypes.c_void_p
        for name in ("lathe_input_info", "lathe_output_info"):
            getattr(self.runtime, name).restype = ctypes.POINTER(TensorInfo)
        self.runtime.lathe_last_error.restype = ctypes.c_char_p
        self.module = ctypes.c_void_p(self._checked(self.runtime.lathe_load(directory.encode())))
        self.session = ctypes.c_void_p(self._checked(self.runtime.lathe_session_new(self.module, threads)))
        self.inputs = [self.runtime.lathe_input_info(self.module, i).contents
                       for i in range(self.runtime.lathe_num_inputs(self.module))]
        self.outputs = [self.runtime.lathe_output_info(self.module, i).contents
                        for i in range(self.runtime.lathe_num_outputs(self.module))]

    def __del__(self):
        if getattr(self, "session", None):
            self.runtime.lathe_session_free(self.session)
        if getattr(self, "module", None):
            self.runtime.lathe_unload(self.module)

    def __call__(self, *arrays):
        if len(arrays) != len(self.inputs):
            raise ValueError(f"the module takes {len(self.inputs)} inputs, got {len(arrays)}")
        for i, (info, array) in enumerate(zip(self.inputs, arrays)):
            shape, dtype = tuple(info.shape[:info.rank]), DTYPES[info.dtype.decode()]
            if array.shape != shape or array.dtype != dtype:
                raise ValueError(f"{info.name.decode()} must be {dtype} {shape}, got {array.dtype} {array.shape}")
            array = numpy.ascontiguousarray(array)
            ctypes.memmove(self.runtime.lathe_input(self.session, i), array.ctypes.data, info.bytes)
        if self.runtime.lathe_run(self.session) != 0:
            raise RuntimeError(self.runtime.lathe_last_error().decode())
        results = []
        for i, info in enumerate(self.outputs):
            result = numpy.empty(tuple(info.shape[:info.rank]), DTYPES[info.dtype.decode()])
            ctypes.memmove(result.ctypes.data, self.runtime.lathe_output(self.session, i), info.bytes)
            results.append(result)
        return results

    def _checked(self, pointer):
        if not pointer:
            raise RuntimeError(self.runtime.lathe_last_error().decode())
        return pointer


def main():
    if len(sys.argv) < 3:
        sys.exit(f"usage: {sys.argv[0]} LIBRARY DIR [INPUT.npy …]")
    try:
        model = CompiledModel(sys.argv[1], sys.argv[2])
        outputs = model(*(numpy.load(file) for file in sys.argv[3:]))
    except (OSError, RuntimeError, ValueError) as error:
        sys.exit(f"run_compiled.py: {error}")
    for info, output in zip(model.outputs, outputs):
        print(f"{info.name.decode()}:", *(f"{value:g}" for value in output.flatten()[:20]))


if __name__ == "__main__":
    main()
