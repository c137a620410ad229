"""The dashboard: one view of a stream of events, drawn with Textual."""
