"""Tests: they mirror tabwidget/; browser/ drives JupyterLab, benchmarks/ run only when named."""
