"""FeatureMatrix -> Prediction: learners, artifacts, registry protocol."""
