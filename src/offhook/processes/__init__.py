"""What each kind of process does: ``api``, ``voice``, ``testbed``. Built and owned by ``role_process``."""
