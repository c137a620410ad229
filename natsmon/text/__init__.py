"""Text and figures for people: units, dates, plain text. Imports nothing else of natsmon."""
