"""Tests of the engines, and a fake one."""
