"""The library's own radiomics engine: PyRadiomics 3.0.1's features with its values, without its installation."""
