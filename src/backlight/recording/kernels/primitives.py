"""How kernels are compiled, and what Numba lacks: memory at an address, counters of several threads, prefetching."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True}
PART: dict[str, Any] = {**OPTIONS, "forceinline": True}
REORDERED = {"contract", "arcp", "nsz", "reassoc"}  # sums may be reordered; NaN and infinity keep their meaning


@intrinsic
def pointer_to(typing_context, kind, address):
    """A pointer to items of `kind` (an array's first element gives it) from an address."""
    pointer = types.CPointer(kind)

    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[1], context.get_value_type(pointer))

    return pointer(kind, types.int64), generate


@intrinsic
def take_next(typing_context, array, index):
    """array[index]++ as one indivisible step; the value before."""

    def generate(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        place = cgutils.get_item_pointer(context, builder, signature.args[0], array, [arguments[1]])
        return builder.atomic_rmw("add", place, ir.Constant(ir.IntType(64), 1), "acq_rel")

    return types.int64(array, types.intp), generate


@intrinsic
def prefetch(typing_context, address):
    """Asks for the cache line at `address`, which may lie beyond the end; nothing waits for it."""

    def generate(context, builder, signature, arguments):
        line = builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())
        read, keep, data = (ir.Constant(ir.IntType(32), value) for value in (0, 3, 1))
        kinds = [each.type for each in (line, read, keep, data)]
        function = builder.module.declare_intrinsic("llvm.prefetch", [line.type], ir.FunctionType(ir.VoidType(), kinds))
        builder.call(function, [line, read, keep, data])
        return context.get_dummy_value()

    return types.void(types.int64), generate
