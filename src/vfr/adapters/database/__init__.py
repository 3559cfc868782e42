"""The small database under the processes of one installation: who leads, and how fast each vendor is asked."""
