"""PyRadiomics features: settings, engines and the extractor."""
