"""The event stream between a probe and its views: events, commands, codec, sources and sinks."""
