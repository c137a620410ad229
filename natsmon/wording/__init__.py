"""Events and causes in words: narration, meaning and advice, the summary of a session."""
