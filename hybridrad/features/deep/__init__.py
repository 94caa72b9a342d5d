"""Embeddings of pretrained CNNs: backbones, weights and the extractor."""
