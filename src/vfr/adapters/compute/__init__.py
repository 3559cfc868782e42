"""Where training jobs run: processes of this machine, or a Dask cluster."""
