"""Is what answers still what was trained: figures of performance, label-free checks, alarms, health."""
