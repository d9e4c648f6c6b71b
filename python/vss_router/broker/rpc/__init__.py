"""Remote calls over the broker: a method is a routing key of the direct exchange `vss.rpc`.

```
 client ── vss.rpc, key = method, reply_to, correlation_id, expiration ──▶ vss.rpc.<role> ──▶ server ──▶ method
   ▲                                                                                           │
   └────────── default exchange, key = reply_to, the same correlation_id, expiration ◀─────────┘
```

- `wire.py`: queues, bodies and codes: all that somebody needs who writes a client in another language.
- `server.py` with `method.py`: serves methods. `client.py`: calls them.
- `status_methods.py`: the methods of a router: `status.operator`, `status.queue`, `status.snapshot`, `health`.

RabbitMQ's direct reply-to asks that request and consumer share a channel, and a transport publishes on channels of its
own. So our client has a reply queue, which expires soon after its client; the server answers to whatever `reply_to`
says, direct reply-to too.
"""

from vss_router.broker.rpc.client import RpcClient
from vss_router.broker.rpc.server import RpcServer, RpcServerStats
from vss_router.broker.rpc.status_methods import add_status_methods
from vss_router.broker.rpc.wire import RpcFailure, RpcReply

__all__ = ["RpcClient", "RpcFailure", "RpcReply", "RpcServer", "RpcServerStats", "add_status_methods"]
