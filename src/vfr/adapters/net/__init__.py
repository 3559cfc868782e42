"""Asking other people's servers politely: replies, the transport, and a client that waits, retries and gives up."""
