"""One static page that shows what the API answers; nothing on it comes from elsewhere."""

from vfr.dashboard.pages import routes

__all__ = ["routes"]
