"""FeatureMatrix to Prediction: learners, calibration, artifacts, and the protocols stores implement."""
