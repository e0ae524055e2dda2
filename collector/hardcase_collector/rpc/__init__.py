"""The wire's side of the collector: streams, enrolment, codec.

Set before grpc is imported anywhere below: grpcio has no setting for the lowest TLS version and reads its cipher list
once. These suites need a pre-shared key, which nobody has, so no handshake below TLS 1.3 can end well; 1.3 has suites
of its own that this list does not touch. The negotiated version is checked on every stream besides (`identity.py`).
"""

import os

os.environ["GRPC_SSL_CIPHER_SUITES"] = "ECDHE-PSK-AES128-CBC-SHA"
