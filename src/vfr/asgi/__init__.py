"""The server: the application each process runs, and the process that starts them."""

from vfr.asgi.app import create_app, create_app_from_env
from vfr.asgi.server import serve

__all__ = ["create_app", "create_app_from_env", "serve"]
