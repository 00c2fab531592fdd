// What travels between processes: HTTP/1.1, WebSocket, server-sent events, JSON-RPC lines. Each protocol is
// a pure state machine (bytes in, events out), tested and fuzzed alone, with a thin blocking driver beside
// it.
