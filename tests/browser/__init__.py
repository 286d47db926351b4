"""The workbench in a real JupyterLab, driven in Chromium."""
