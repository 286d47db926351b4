"""Storage: models on disk as strict JSON and safetensors; no pickle."""
