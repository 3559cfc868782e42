"""Live sources of market data: one provider per vendor, each parsing that vendor's answers strictly."""
