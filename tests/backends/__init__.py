"""Tests of the backends, and a fake one."""
