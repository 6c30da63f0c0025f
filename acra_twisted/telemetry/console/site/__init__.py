"""The console as it is served: all views in one frame, at their addresses."""
