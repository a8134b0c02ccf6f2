# SPDX-License-Identifier: BSD-3-Clause
"""grpc_call.py HOST:PORT PATH TEXT: one call whose request is TEXT; prints its status and message."""
import sys

import grpc

target, path, text = sys.argv[1:]
with grpc.insecure_channel(target) as channel:
    try:
        channel.unary_unary(path)(text.encode(), timeout=20)
        print("0")
    except grpc.RpcError as error:
        print(error.code().value[0], error.details(), end="")
